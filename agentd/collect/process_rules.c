/* SPDX-License-Identifier: MIT */
/* Which process belongs to which group. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "process_rules.h"

#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_STEPS_MAX 100000u /* where a bad expression would take for ever: it does not match then */
#define NAME_DEFAULT "{{.ExeBase}}"

struct expression {
	pcre2_code *code;
	pcre2_match_data *match; /* of the last match: names point into it */
	const char *names;       /* of its groups: entries of entry_bytes, number first */
	uint32_t name_count;
	uint32_t entry_bytes;
};

struct process_rule {
	struct process_template *name;
	char **words[PROCESS_RULE_CMDLINE]; /* comm and exe */
	size_t counts[PROCESS_RULE_KIND_COUNT];
	struct expression *expressions;
};

struct process_rules {
	struct process_rule **rules;
	size_t count;
	pcre2_match_context *context;
};

/* ---- making ----------------------------------------------------------------------------------------------------- */

static void rule_free(struct process_rule *rule)
{
	process_template_free(rule->name);
	for (size_t kind = 0; kind < PROCESS_RULE_CMDLINE; kind++) {
		for (size_t i = 0; i < rule->counts[kind]; i++)
			free(rule->words[kind][i]);
		free(rule->words[kind]);
	}
	for (size_t i = 0; i < rule->counts[PROCESS_RULE_CMDLINE]; i++) {
		pcre2_code_free(rule->expressions[i].code);
		pcre2_match_data_free(rule->expressions[i].match);
	}
	free(rule->expressions);
	free(rule);
}

struct process_rules *process_rules_new(void)
{
	struct process_rules *rules = calloc(1, sizeof(*rules));
	if (!rules)
		return NULL;
	rules->context = pcre2_match_context_create(NULL);
	if (!rules->context) {
		free(rules);
		return NULL;
	}
	pcre2_set_match_limit(rules->context, MATCH_STEPS_MAX);
	pcre2_set_depth_limit(rules->context, MATCH_STEPS_MAX);
	return rules;
}

void process_rules_free(struct process_rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->count; i++)
		rule_free(rules->rules[i]);
	free(rules->rules);
	pcre2_match_context_free(rules->context);
	free(rules);
}

struct process_rule *process_rules_append(struct process_rules *rules)
{
	struct process_rule *rule = calloc(1, sizeof(*rule));
	struct process_rule **grown =
		rule ? reallocarray(rules->rules, rules->count + 1, sizeof(struct process_rule *)) : NULL;
	if (!grown) {
		free(rule);
		return NULL;
	}
	rules->rules = grown;
	rules->rules[rules->count++] = rule;
	return rule;
}

int process_rule_set_name(struct process_rule *rule, const char *text, char *why, size_t why_size)
{
	struct process_template *name = NULL;
	const int r = process_template_new(*text ? text : NAME_DEFAULT, &name, why, why_size);
	if (r)
		return r;
	process_template_free(rule->name);
	rule->name = name;
	return 0;
}

static int word_add(struct process_rule *rule, enum process_rule_kind kind, const char *text)
{
	char **grown = reallocarray(rule->words[kind], rule->counts[kind] + 1, sizeof(char *));
	if (!grown)
		return -ENOMEM;
	rule->words[kind] = grown;
	grown[rule->counts[kind]] = strdup(text);
	if (!grown[rule->counts[kind]])
		return -ENOMEM;
	rule->counts[kind]++;
	return 0;
}

static int expression_prepare(struct expression *expression)
{
	expression->match = pcre2_match_data_create_from_pattern(expression->code, NULL);
	if (!expression->match)
		return -ENOMEM;
	pcre2_pattern_info(expression->code, PCRE2_INFO_NAMECOUNT, &expression->name_count);
	pcre2_pattern_info(expression->code, PCRE2_INFO_NAMEENTRYSIZE, &expression->entry_bytes);
	pcre2_pattern_info(expression->code, PCRE2_INFO_NAMETABLE, &expression->names);
	return 0;
}

static int expression_add(struct process_rule *rule, const char *text, char *why, size_t why_size)
{
	int code;
	PCRE2_SIZE place;
	struct expression expression = {.code = NULL};
	const size_t count = rule->counts[PROCESS_RULE_CMDLINE];
	struct expression *grown = reallocarray(rule->expressions, count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	rule->expressions = grown;
	expression.code =
		pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_DOLLAR_ENDONLY, &code, &place, NULL);
	if (!expression.code) {
		char reason[128];
		pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof(reason));
		snprintf(why, why_size, "cmdline: \"%s\" is not a regular expression: %s (at its byte %zu)", text,
			 reason, place);
		return -EINVAL;
	}
	const int r = expression_prepare(&expression);
	if (r) {
		pcre2_code_free(expression.code);
		return r;
	}
	grown[count] = expression;
	rule->counts[PROCESS_RULE_CMDLINE]++;
	return 0;
}

int process_rule_add(struct process_rule *rule, enum process_rule_kind kind, const char *text, char *why,
		     size_t why_size)
{
	return kind == PROCESS_RULE_CMDLINE ? expression_add(rule, text, why, why_size) : word_add(rule, kind, text);
}

int process_rule_end(struct process_rule *rule, char *why, size_t why_size)
{
	size_t count = 0;
	for (size_t kind = 0; kind < PROCESS_RULE_KIND_COUNT; kind++)
		count += rule->counts[kind];
	if (!count) {
		snprintf(why, why_size, "this entry of process_names matches nothing; give it comm, exe or cmdline");
		return -EINVAL;
	}
	return rule->name ? 0 : process_rule_set_name(rule, "", why, why_size);
}

/* ---- asking ----------------------------------------------------------------------------------------------------- */

bool process_rules_use(const struct process_rules *rules, enum process_word word)
{
	for (size_t i = 0; i < rules->count; i++)
		if (process_template_uses(rules->rules[i]->name, word))
			return true;
	return false;
}

bool process_rules_use_arguments(const struct process_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->rules[i]->counts[PROCESS_RULE_EXE] || rules->rules[i]->counts[PROCESS_RULE_CMDLINE])
			return true;
	return process_rules_use(rules, PROCESS_WORD_EXE_BASE) || process_rules_use(rules, PROCESS_WORD_EXE_FULL);
}

static bool comm_matches(const struct process_rule *rule, const char *comm)
{
	for (size_t i = 0; i < rule->counts[PROCESS_RULE_COMM]; i++)
		if (!strcmp(rule->words[PROCESS_RULE_COMM][i], comm))
			return true;
	return !rule->counts[PROCESS_RULE_COMM];
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool exe_matches(const struct process_rule *rule, const char *exe)
{
	for (size_t i = 0; *exe && i < rule->counts[PROCESS_RULE_EXE]; i++) {
		const char *word = rule->words[PROCESS_RULE_EXE][i];
		if (!strcmp(word, strchr(word, '/') ? exe : base_of(exe)))
			return true;
	}
	return !rule->counts[PROCESS_RULE_EXE];
}

static void matches_take(const struct expression *expression, struct process_identity *identity)
{
	const PCRE2_SIZE *places = pcre2_get_ovector_pointer(expression->match);
	for (uint32_t i = 0; i < expression->name_count && identity->match_count < PROCESS_MATCHES_MAX; i++) {
		const unsigned char *entry = (const unsigned char *)expression->names + i * expression->entry_bytes;
		const size_t group = (size_t)entry[0] << 8 | entry[1];
		const PCRE2_SIZE begin = places[2 * group], end = places[2 * group + 1];
		identity->matches[identity->match_count++] = (struct process_match){
			.name = (const char *)entry + 2,
			.value = begin == PCRE2_UNSET ? "" : identity->cmdline + begin,
			.len = begin == PCRE2_UNSET || end < begin ? 0 : end - begin,
		};
	}
}

static bool cmdline_matches(const struct process_rules *rules, const struct process_rule *rule,
			    struct process_identity *identity)
{
	const char *cmdline = identity->cmdline;
	identity->match_count = 0;
	for (size_t i = 0; i < rule->counts[PROCESS_RULE_CMDLINE]; i++) {
		const struct expression *expression = &rule->expressions[i];
		if (pcre2_match(expression->code, (PCRE2_SPTR)cmdline, strlen(cmdline), 0, 0, expression->match,
				rules->context) < 0)
			return false;
		matches_take(expression, identity);
	}
	return true;
}

bool process_rules_name(struct process_rules *rules, struct process_identity *identity, char *name, size_t size)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct process_rule *rule = rules->rules[i];
		if (!comm_matches(rule, identity->comm) || !exe_matches(rule, identity->exe) ||
		    !cmdline_matches(rules, rule, identity))
			continue;
		process_template_write(rule->name, identity, name, size);
		return true;
	}
	return false;
}
