/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_settings.h - settings of Java's Kafka clients, checked before a job is submitted: what they
 * refuse shows there late, or not at all. Any thread. */
#ifndef BM_KAFKA_SETTINGS_H
#define BM_KAFKA_SETTINGS_H

#include "beam/pipeline.h"

/* Fails the pipeline, on behalf of the step `name`, when the client would refuse the value, or the
 * setting is another client's. What is not known here is left to the client. The value may be
 * secret and is not shown. */
void bm_kafka_check_setting(beam_pipeline *p, const char *name, const char *key,
                            const char *value);

/* The value of a whole number that bm_kafka_check_setting() took; `otherwise` for NULL. */
int64_t bm_kafka_number(const char *value, int64_t otherwise);

/* Is it "host:port", or several with commas between them? */
bool bm_kafka_are_servers(const char *text);

#endif
