// SPDX-License-Identifier: Apache-2.0
// Stands in for abseil's header, which the system's abseil may be too old to have: enough
// for upb's code generators.
#ifndef BEAM_ABSL_CHECK_H
#define BEAM_ABSL_CHECK_H

#include <cstdlib>
#include <iostream>

struct beam_absl_fatal {
    std::ostream &stream() { return std::cerr; }
    ~beam_absl_fatal()
    {
        std::cerr << std::endl;
        abort();
    }
};

#define ABSL_CHECK(condition) \
    if (condition) {          \
    } else                    \
        beam_absl_fatal().stream() << "check failed: " #condition " "
#define ABSL_CHECK_EQ(a, b) ABSL_CHECK((a) == (b))
#define ABSL_CHECK_NE(a, b) ABSL_CHECK((a) != (b))
#define ABSL_DCHECK(condition) ABSL_CHECK(condition)

#endif
