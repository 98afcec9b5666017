/* SPDX-License-Identifier: Apache-2.0 */
package beamc;

import java.util.Collections;
import java.util.Map;
import org.apache.beam.sdk.expansion.ExternalTransformRegistrar;
import org.apache.beam.sdk.extensions.sql.SqlTransform;
import org.apache.beam.sdk.transforms.ExternalTransformBuilder;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PInput;
import org.apache.beam.sdk.values.Row;

/** Offers SqlTransform under the URN that Beam's SDKs ask an expansion service for. */
public class SqlRegistrar implements ExternalTransformRegistrar {
    @Override
    public Map<String, ExternalTransformBuilder<?, ?, ?>> knownBuilderInstances() {
        return Collections.singletonMap("beam:external:java:sql:v1", new Builder());
    }

    /** The fields of the request's row. */
    public static class Configuration {
        private String query = "";
        private String dialect = "";

        public void setQuery(String value) {
            query = value;
        }

        public void setDialect(String value) {
            dialect = value == null ? "" : value;
        }
    }

    private static class Builder
            implements ExternalTransformBuilder<Configuration, PInput, PCollection<Row>> {
        @Override
        public PTransform<PInput, PCollection<Row>> buildExternal(Configuration from) {
            SqlTransform sql = SqlTransform.query(from.query);
            switch (from.dialect.toLowerCase(java.util.Locale.ROOT)) {
                case "":
                case "calcite":
                    return sql;
                case "zetasql":
                    throw new IllegalArgumentException("the ZetaSQL dialect is not available here");
                default:
                    throw new IllegalArgumentException("unknown SQL dialect: " + from.dialect);
            }
        }
    }
}
