/* SPDX-License-Identifier: MIT */
/* The lines of one sample: its prepared text, with a suffix and a label spliced in. */
#include "lines.h"

#define NS_PER_S 1000000000u

char *line_number(char *out, const struct snapshot_sample *sample, const char *suffix, struct number number)
{
	out = line_name(out, sample, suffix);
	*out++ = ' ';
	out += number_format(number, out);
	*out++ = '\n';
	return out;
}

/* The name with a suffix, and the labels with one more at the end, up to the quote that opens its value. */
static char *line_open_label(char *out, const struct snapshot_sample *sample, const char *suffix, const char *label)
{
	out = stpcpy(mempcpy(out, sample->text, sample->name_len), suffix);
	if (sample->text_len > sample->name_len) {
		out = mempcpy(out, sample->text + sample->name_len, sample->text_len - sample->name_len - 1);
		*out++ = ',';
	} else {
		*out++ = '{';
	}
	return stpcpy(stpcpy(out, label), "=\"");
}

/* The rest of such a line, without the line feed. */
static char *line_close_label(char *out, const char *value, struct number number)
{
	out = stpcpy(stpcpy(out, value), "\"} ");
	return out + number_format(number, out);
}

char *line_created(char *out, const struct snapshot_sample *sample, const char *suffix)
{
	size_t name_len = sample->name_len - strlen(suffix);
	out = stpcpy(mempcpy(out, sample->text, name_len), "_created");
	out = mempcpy(out, sample->text + sample->name_len, sample->text_len - sample->name_len);
	*out++ = ' ';
	out = line_time(out, (int64_t)sample->created_ns);
	*out++ = '\n';
	return out;
}

char *line_time(char *out, int64_t time_ns)
{
	int64_t seconds = time_ns / (int64_t)NS_PER_S;
	uint32_t nanos = (uint32_t)(time_ns % (int64_t)NS_PER_S);
	if (time_ns < 0) { /* a clock before 1970 */
		seconds = 0;
		nanos = 0;
	}
	out += number_format(number_u64((uint64_t)seconds), out);
	if (!nanos)
		return out;
	*out++ = '.';
	for (uint32_t unit = NS_PER_S / 10; nanos; unit /= 10) {
		*out++ = (char)('0' + nanos / unit);
		nanos %= unit;
	}
	return out;
}

char *line_exemplar(char *out, const struct exemplar *exemplar)
{
	out = mempcpy(stpcpy(out, " # {"), exemplar->labels, exemplar->labels_len);
	out = stpcpy(out, "} ");
	out += number_format(number_f64(exemplar->value), out);
	if (exemplar->time_ns <= 0)
		return out;
	*out++ = ' ';
	return line_time(out, exemplar->time_ns);
}

char *line_help(char *out, const char *help, bool quotes)
{
	for (; *help; help++) {
		if (*help == '\\' || *help == '\n' || (quotes && *help == '"'))
			*out++ = '\\';
		*out++ = *help == '\n' ? 'n' : *help;
	}
	return out;
}

bool lines_numbers(struct output *output, const struct snapshot_sample *samples, size_t count)
{
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += samples[i].text_len;
	if (!output_reserve(output, bytes + count * (NUMBER_TEXT_MAX + 2)))
		return false;
	char *out = output->at;
	for (size_t i = 0; i < count; i++) {
		out = line_sample(out, &samples[i]);
		*out++ = '\n';
	}
	output->at = out;
	return true;
}

bool lines_buckets(struct output *output, const struct snapshot_sample *sample, struct ladder *ladder, bool exemplars,
		   uint64_t *count)
{
	uint32_t part = 0, next = 0;
	uint64_t cumulative = 0;
	ladder_set(ladder, sample->composite->shape);
	size_t bytes = (ladder->bound_count + (size_t)1) * (sample->text_len + LINE_FIXED_BYTES);
	if (!output_reserve(output, bytes + (exemplars ? exemplars_bytes(sample, EXEMPLAR_FIXED_BYTES) : 0)))
		return false;
	char *start = output->at;
	char *out = line_open_label(start, sample, "_bucket", "le");
	size_t start_len = (size_t)(out - start);
	for (uint32_t i = 0; i <= ladder->bound_count; i++) {
		if (i)
			out = mempcpy(out, start, start_len);
		cumulative += ladder_count(ladder, sample->composite->parts, i, &part);
		out = line_close_label(out, ladder->texts[i], number_u64(cumulative));
		const struct exemplar *exemplar =
			exemplars && sample->exemplar_count ? exemplar_of_bucket(sample, ladder, i, &next) : NULL;
		if (exemplar)
			out = line_exemplar(out, exemplar);
		*out++ = '\n';
	}
	output->at = out;
	*count = cumulative;
	return true;
}

bool lines_quantiles(struct output *output, const struct snapshot_sample *sample, bool canonical)
{
	const struct shape *shape = sample->composite->shape;
	const char *const *texts = canonical ? shape->canonical_text : shape->bound_text;
	if (!output_reserve(output, shape->bound_count * (size_t)(sample->text_len + LINE_FIXED_BYTES)))
		return false;
	char *out = output->at;
	for (uint32_t i = 0; i < shape->bound_count; i++) {
		double value;
		memcpy(&value, &sample->composite->parts[i], sizeof(value));
		out = line_open_label(out, sample, "", "quantile");
		out = line_close_label(out, texts[i], number_f64(value));
		*out++ = '\n';
	}
	output->at = out;
	return true;
}

bool lines_states(struct output *output, const struct snapshot_family *family, const struct snapshot_sample *sample)
{
	const struct shape *shape = sample->composite->shape;
	size_t fixed = sample->text_len + strlen(family->name) + LINE_FIXED_BYTES;
	for (uint32_t i = 0; i < shape->bound_count; i++) {
		const char *state = shape->bound_text[i];
		if (!output_reserve(output, fixed + strlen(state)))
			return false;
		char *out = line_open_label(output->at, sample, "", family->name);
		out = line_close_label(out, state, number_u64(sample->composite->parts[0] >> i & 1));
		*out++ = '\n';
		output->at = out;
	}
	return true;
}
