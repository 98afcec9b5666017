/* SPDX-License-Identifier: Apache-2.0 */
package org.apache.beam.sdk.util.construction.resources;

import io.github.classgraph.ClassGraph;
import java.util.Collections;
import java.util.List;

/**
 * First on the job server's class path this takes the place of Beam's class of the same name, so
 * that a job uploads no jars: a cluster that has them in its lib/ would otherwise receive all of
 * them (170 MB) again with every job.
 */
public class ClasspathScanningResourcesDetector implements PipelineResourcesDetector {
    public ClasspathScanningResourcesDetector(ClassGraph unused) {}

    @Override
    public List<String> detect(ClassLoader unused) {
        return Collections.emptyList();
    }
}
