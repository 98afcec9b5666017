/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of tests. A new file of tests is a line here. */
#include "suite.h"

#define TABLES(X) \
    X(go_pardo)   \
    X(go_cogbk)   \
    X(go_flatten) \
    X(go_test_stream) \
    X(go_window)  \
    X(py_pardo)  \
    X(py_side)

#define DECLARE(table) extern const suite_table table;
TABLES(DECLARE)
#define ADDRESS(table) &table,
const suite_table *const suite_tables[] = { TABLES(ADDRESS) };
const size_t n_suite_tables = BEAM_COUNT(suite_tables);
