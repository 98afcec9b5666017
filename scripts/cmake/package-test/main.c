/* SPDX-License-Identifier: Apache-2.0 */
#include <beam/beam.h>
#include <stdio.h>

int main(void)
{
    puts(beam_status_text(BEAM_ETIMEOUT));
    return 0;
}
