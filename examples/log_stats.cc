/* SPDX-License-Identifier: Apache-2.0 */
/* log_stats: bytes sent for each path of a web server's log, in C++17.
 *
 *     log_stats --runner=local --input=FILE --output=FILE --bad=FILE
 *
 * A line is "TIME METHOD PATH STATUS BYTES"; what is not goes to the file of bad ones. Shows a
 * DoFn as a class, with an object that is dear to make; docs/cpp.md explains it. */
#include <charconv>
#include <regex>
#include <string>

#include "beam/beam.hpp"

/* line -> KV<path, bytes> */
class parse
{
  public:
    enum { BAD };
    static constexpr beam_output_spec outputs[] = { { "bad", BEAM_STRING } };

    beam_status process(beam_ctx *c, beam_value in)
    {
        std::string_view text = beam::view(in);
        std::cmatch part;
        int64_t bytes;
        if (!std::regex_match(text.data(), text.data() + text.size(), part, line) ||
            std::from_chars(part[2].first, part[2].second, bytes).ec != std::errc()) {
            beam_counter_add(c, "bad_lines", 1);
            return beam_emit_to(c, BAD, in);
        }
        std::string path = part[1];
        return beam_emit_kv(c, beam::string(path), beam_int64(bytes));
    }

  private:
    std::regex line{ R"(\S+ [A-Z]+ (\S+) \d{3} (\d+))", std::regex::optimize };
};
static const beam_dofn parse_fn = beam::dofn<parse>("log_stats.parse", BEAM_STRING,
                                                    beam::kv<BEAM_STRING, BEAM_INT64>);

struct format {
    beam_status process(beam_ctx *c, beam_value in)
    {
        std::string text(beam::view(beam_key(in)));
        text += ": " + std::to_string(beam_as_int64(beam_val(in)));
        return beam_emit(c, beam::string(text));
    }
};
static const beam_dofn format_fn = beam::dofn<format>("log_stats.format",
                                                      beam::kv<BEAM_STRING, BEAM_INT64>,
                                                      BEAM_STRING);

struct flags {
    const char *input, *output, *bad;
};

static void build(beam_pipeline *p, const void *given)
{
    auto *f = static_cast<const flags *>(given);

    beam_pcoll *lines = beam_text_read(p, "Read", f->input);
    beam_pcoll *parsed = beam::par_do(lines, "Parse", &parse_fn);
    beam_pcoll *sums = beam::combine_per_key(parsed, "Sum", &beam_sum_int64);
    beam_text_write(beam::par_do(sums, "Format", &format_fn), "Write", f->output);
    beam_text_write(beam_output(parsed, parse::BAD), "WriteBad", f->bad);
}

static const beam_dofn *const dofns[] = { &parse_fn, &format_fn };
static const beam_flag flag_table[] = {
    BEAM_TEXT_FLAG(flags, input, "access.log", "log to read, or a glob pattern"),
    BEAM_TEXT_FLAG(flags, output, "bytes.txt", "file to write, one 'path: bytes' a line"),
    BEAM_TEXT_FLAG(flags, bad, "bad.txt", "file for the lines that are not of a log"),
};

int main(int argc, char **argv)
{
    beam_program program{};
    program.name = "log_stats";
    program.summary = "adds up the bytes sent for each path of a web server's log";
    program.flags = BEAM_TABLE(flag_table);
    program.flags_size = sizeof(flags);
    program.dofns = BEAM_TABLE(dofns);
    program.build = build;
    return beam_main(&program, argc, argv);
}
