# SPDX-License-Identifier: Apache-2.0
"""A build backend that only answers pip's question for the metadata of a source archive.

`pip download` runs the archive's own build code before it hands the archive over. We only
want the file, and that code needs more Python packages than a plain system has, so pip finds
this module in place of setuptools. The package is named by BEAM_PIP_NAME and _VERSION.
"""
import os
import sys


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    name, version = os.environ["BEAM_PIP_NAME"], os.environ["BEAM_PIP_VERSION"]
    folder = "%s-%s.dist-info" % (name.replace("-", "_"), version)
    os.mkdir(os.path.join(metadata_directory, folder))
    with open(os.path.join(metadata_directory, folder, "METADATA"), "w") as f:
        f.write("Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version))
    return folder


# The name under which pip looks for the backend of a package without pyproject.toml.
__legacy__ = sys.modules[__name__]
