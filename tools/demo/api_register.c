/* SPDX-License-Identifier: MIT */
/* POST /api/register {"username", "email", "source"}: checks the fields and gives out a user id. Nothing is kept. */
#include "api.h"

#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "db_pool.h"

static bool username_is_valid(const char *username)
{
	size_t len = strspn(username, "abcdefghijklmnopqrstuvwxyz0123456789_-");
	return len >= 3 && len <= 32 && username[len] == '\0';
}

static bool email_is_valid(const char *email)
{
	const char *at = strchr(email, '@');
	const char *dot = at ? strrchr(at, '.') : NULL;
	return at && at != email && !strchr(at + 1, '@') && dot && dot > at + 1 && dot[1] && strlen(email) <= 254;
}

static bool source_is_valid(const char *source)
{
	static const char *const sources[] = {"web", "api", "mobile", "partner"};
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		if (strcmp(source, sources[i]) == 0)
			return true;
	return false;
}

static const char *fields_reason(const char *username, const char *email, const char *source)
{
	if (!username_is_valid(username))
		return "field username: 3 to 32 of a-z 0-9 _ -";
	if (!email_is_valid(email))
		return "field email: NAME@DOMAIN.TOP, at most 254 bytes";
	if (!source_is_valid(source))
		return "field source: one of web, api, mobile, partner";
	return NULL;
}

static uint64_t user_id(const char *username)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a: the same name gets the same id in every worker */
	for (; *username; username++)
		hash = (hash ^ (unsigned char)*username) * 1099511628211u;
	return hash;
}

void api_register(const struct request *request, struct outcome *outcome)
{
	json_error_t error;
	const char *username, *email, *source;
	json_t *fields = json_loadb(request->body, request->body_len, JSON_REJECT_DUPLICATES, &error);
	if (!fields || json_unpack_ex(fields, &error, 0, "{s:s, s:s, s:s !}", "username", &username, "email", &email,
				      "source", &source)) {
		workflow_refuse(outcome, WORKFLOW_REGISTRATION, "body: %s (line %d, column %d)", error.text, error.line,
				error.column);
		goto out;
	}
	const char *reason = fields_reason(username, email, source);
	if (reason) {
		workflow_refuse(outcome, WORKFLOW_REGISTRATION, "%s", reason);
		goto out;
	}
	outcome_step(outcome, STEP_VALIDATE, RESULT_SUCCESS);
	db_pool_store(request->random);
	outcome_step(outcome, STEP_STORE, RESULT_SUCCESS);
	outcome_workflow(outcome, WORKFLOW_REGISTRATION, RESULT_SUCCESS);
	outcome_answer(outcome, STATUS_CREATED, "{\"user_id\":\"%016" PRIx64 "\",\"username\":\"%s\"}\n",
		       user_id(username), username);
out:
	json_decref(fields);
}
