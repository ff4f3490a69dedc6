/* SPDX-License-Identifier: MIT */
/* Collectors that ask on D-Bus: systemd and logind, on a bus of our own. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cmocka.h>

#include "host_files.h"

/* ---- a bus, a systemd and a logind that a test makes up --------------------------------------------------------- */

struct fake_unit {
	const char *name, *load, *active, *path;
};
static const struct fake_unit units[] = {
	{"ssh.service", "loaded", "active", "/u/ssh"},       {"cron.service", "loaded", "failed", "/u/cron"},
	{"logrotate.timer", "loaded", "active", "/u/timer"}, {"dbus.socket", "loaded", "active", "/u/socket"},
	{"tmp.mount", "loaded", "active", "/u/mount"},       {"gone.service", "not-found", "inactive", "/u/gone"},
	{"odd.service", "loaded", "refreshing", "/u/odd"},   {"mount.target", "loaded", "active", "/u/target"},
};

static int string_get(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
		      void *data, sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	return sd_bus_message_append(reply, "s", data);
}

static unsigned type_questions;

/* Numbers depend on the unit; what only newer versions have is an error for one of them. */
static int unit_get(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
		    void *data, sd_bus_error *error)
{
	(void)bus;
	(void)interface;
	(void)data;
	const bool cron = !strcmp(path, "/u/cron");
	if (!strcmp(property, "Type")) {
		__atomic_add_fetch(&type_questions, 1, __ATOMIC_RELAXED);
		return sd_bus_message_append(reply, "s", cron ? "simple" : "notify");
	}
	if (!strcmp(property, "NRestarts") && cron)
		return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_PROPERTY, "not yet");
	if (!strcmp(property, "NRestarts"))
		return sd_bus_message_append(reply, "u", 3);
	if (!strcmp(property, "TasksCurrent"))
		return sd_bus_message_append(reply, "t", UINT64_C(7));
	if (!strcmp(property, "TasksMax"))
		return sd_bus_message_append(reply, "t", cron ? UINT64_MAX : UINT64_C(100));
	if (!strcmp(property, "NAccepted"))
		return sd_bus_message_append(reply, "u", 11);
	if (!strcmp(property, "NConnections"))
		return sd_bus_message_append(reply, "u", 2);
	if (!strcmp(property, "NRefused"))
		return sd_bus_message_append(reply, "u", 1);
	return sd_bus_message_append(reply, "t", UINT64_C(1500000500000)); /* times */
}

static int units_list(sd_bus_message *message, void *data, sd_bus_error *error)
{
	sd_bus_message *reply;
	(void)data;
	(void)error;
	int r = sd_bus_message_new_method_return(message, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
	for (size_t i = 0; r >= 0 && i < sizeof(units) / sizeof(units[0]); i++)
		r = sd_bus_message_append(reply, "(ssssssouso)", units[i].name, "description", units[i].load,
					  units[i].active, "sub", "", units[i].path, 0, "", "/");
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r;
}

static int seats_list(sd_bus_message *message, void *data, sd_bus_error *error)
{
	(void)data;
	(void)error;
	return sd_bus_reply_method_return(message, "a(so)", 1, "seat0", "/s/seat0");
}

static int sessions_list(sd_bus_message *message, void *data, sd_bus_error *error)
{
	(void)data;
	(void)error;
	return sd_bus_reply_method_return(message, "a(susso)", 3, "1", 0, "root", "seat0", "/s/local", "2", 1000,
					  "user", "", "/s/remote", "3", 1000, "user", "", "/s/ended");
}

static int session_get(sd_bus *bus, const char *path, const char *interface, const char *property,
		       sd_bus_message *reply, void *data, sd_bus_error *error)
{
	(void)bus;
	(void)interface;
	(void)data;
	(void)error;
	const bool remote = !strcmp(path, "/s/remote");
	if (!strcmp(property, "Remote"))
		return sd_bus_message_append(reply, "b", remote);
	if (!strcmp(property, "Type"))
		return sd_bus_message_append(reply, "s", remote ? "tty" : "hologram");
	return sd_bus_message_append(reply, "s", "user");
}

static unsigned greetings;

static int hello(sd_bus_message *message, void *data, sd_bus_error *error)
{
	(void)data;
	(void)error;
	__atomic_add_fetch(&greetings, 1, __ATOMIC_RELAXED);
	return sd_bus_reply_method_return(message, "s", ":1.1");
}

static const sd_bus_vtable driver_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Hello", "", "s", hello, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("ListUnits", "", "a(ssssssouso)", units_list, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("Version", "s", string_get, 0, 0),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable state_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("SystemState", "s", string_get, 0, 0),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable unit_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Type", "s", unit_get, 0, 0),
	SD_BUS_PROPERTY("NRestarts", "u", unit_get, 0, 0),
	SD_BUS_PROPERTY("TasksCurrent", "t", unit_get, 0, 0),
	SD_BUS_PROPERTY("TasksMax", "t", unit_get, 0, 0),
	SD_BUS_PROPERTY("NAccepted", "u", unit_get, 0, 0),
	SD_BUS_PROPERTY("NConnections", "u", unit_get, 0, 0),
	SD_BUS_PROPERTY("NRefused", "u", unit_get, 0, 0),
	SD_BUS_PROPERTY("LastTriggerUSec", "t", unit_get, 0, 0),
	SD_BUS_PROPERTY("ActiveEnterTimestamp", "t", unit_get, 0, 0),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable logind_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("ListSeats", "", "a(so)", seats_list, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ListSessions", "", "a(susso)", sessions_list, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable session_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Remote", "b", session_get, 0, 0),
	SD_BUS_PROPERTY("Type", "s", session_get, 0, 0),
	SD_BUS_PROPERTY("Class", "s", session_get, 0, 0),
	SD_BUS_VTABLE_END,
};

struct server {
	int fd;
	pthread_t thread;
	bool silent; /* accepts and never answers */
	bool bare;   /* a bus without a systemd and a logind */
	const char *version;
	int stop[2]; /* a pipe: closed to end the thread */
};

static void objects_add(sd_bus *bus, const struct server *server)
{
	static const char *const interfaces[] = {"Unit", "Service", "Mount", "Timer", "Socket"};
	static const char *const sessions[] = {"/s/local", "/s/remote"};
	char interface[64];
	sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/DBus", "org.freedesktop.DBus", driver_vtable, NULL);
	if (server->bare)
		return;
	sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
				 manager_vtable, (void *)(uintptr_t)server->version);
	sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
				 state_vtable, (void *)(uintptr_t) "running");
	sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/login1", "org.freedesktop.login1.Manager", logind_vtable,
				 NULL);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		for (size_t j = 0; j < sizeof(interfaces) / sizeof(interfaces[0]); j++) {
			snprintf(interface, sizeof(interface), "org.freedesktop.systemd1.%s", interfaces[j]);
			sd_bus_add_object_vtable(bus, NULL, units[i].path, interface, unit_vtable, NULL);
		}
	for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++)
		sd_bus_add_object_vtable(bus, NULL, sessions[i], "org.freedesktop.login1.Session", session_vtable,
					 NULL);
}

/* One connection, until the other side closes it. */
static void connection_serve(int fd, const struct server *server)
{
	sd_bus *bus;
	sd_id128_t id;
	char byte;
	if (server->silent) {
		(void)!read(server->stop[0], &byte, 1);
		close(fd);
		return;
	}
	if (sd_id128_randomize(&id) < 0 || sd_bus_new(&bus) < 0)
		return;
	if (sd_bus_set_fd(bus, fd, fd) >= 0 && sd_bus_set_server(bus, 1, id) >= 0 &&
	    sd_bus_set_anonymous(bus, 1) >= 0 && sd_bus_set_trusted(bus, 1) >= 0 && sd_bus_start(bus) >= 0) {
		objects_add(bus, server);
		for (int r = 0; r >= 0;) {
			r = sd_bus_process(bus, NULL);
			if (!r)
				r = sd_bus_wait(bus, UINT64_MAX);
		}
	}
	sd_bus_close_unref(bus);
}

static void *server_main(void *context)
{
	const struct server *server = context;
	for (int fd; (fd = accept(server->fd, NULL, NULL)) >= 0;)
		connection_serve(fd, server);
	return NULL;
}

static struct server server;

static void server_start(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	host_fixture_write(&test_host, path, "");
	const char *full = host_fixture_path(&test_host, path);
	assert_true(strlen(full) < sizeof(address.sun_path));
	strcpy(address.sun_path, full);
	unlink(full);
	server.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server.fd, 8), 0);
	assert_int_equal(pipe(server.stop), 0);
	assert_int_equal(pthread_create(&server.thread, NULL, server_main, &server), 0);
}

static int bus_setup(void **state)
{
	server = (struct server){.fd = -1, .version = "252.39-1~deb12u2"};
	type_questions = greetings = 0;
	return host_fixture_setup(state);
}

static int bus_teardown(void **state)
{
	if (server.fd >= 0) {
		close(server.stop[1]);
		shutdown(server.fd, SHUT_RDWR);
		pthread_join(server.thread, NULL);
		close(server.stop[0]);
		close(server.fd);
	}
	return host_fixture_teardown(state);
}
#define BUS_TEST(name) cmocka_unit_test_setup_teardown(name, bus_setup, bus_teardown)
#define SYSTEM_BUS "root/run/dbus/system_bus_socket"
#define PRIVATE "root/run/systemd/private"

/* ---- systemd ---------------------------------------------------------------------------------------------------- */

static void assert_units_told(void)
{
	assert_success("systemd", 1);
	assert_value("node_systemd_version{version=\"252.39-1~deb12u2\"}", 252.39);
	assert_value("node_systemd_system_running", 1);
	assert_value("node_systemd_unit_state{name=\"ssh.service\",state=\"active\",type=\"notify\"}", 1);
	assert_value("node_systemd_unit_state{name=\"ssh.service\",state=\"failed\",type=\"notify\"}", 0);
	assert_value("node_systemd_unit_state{name=\"cron.service\",state=\"failed\",type=\"simple\"}", 1);
	assert_value("node_systemd_timer_last_trigger_seconds{name=\"logrotate.timer\"}", 1500000.5);
	assert_value("node_systemd_socket_accepted_connections_total{name=\"dbus.socket\"}", 11);
	assert_value("node_systemd_socket_current_connections{name=\"dbus.socket\"}", 2);
	assert_value("node_systemd_socket_refused_connections_total{name=\"dbus.socket\"}", 1);
}

static void test_systemd_is_asked_on_the_system_bus(void **state)
{
	(void)state;
	server_start(SYSTEM_BUS);
	run(HOST_INDEX_systemd);
	assert_units_told();
	assert_int_equal(__atomic_load_n(&greetings, __ATOMIC_RELAXED), 1);
	/* An older version, that does not know the property. */
	assert_value("node_systemd_virtualization_info{virtualization_type=\"unknown\"}", 1);
}

static void test_systemd_is_asked_on_its_private_socket_by_root(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: only root asks on the private socket\n");
		skip();
	}
	server_start(PRIVATE);
	run(HOST_INDEX_systemd);
	assert_units_told();
	/* What is no bus is not greeted like one. */
	assert_int_equal(__atomic_load_n(&greetings, __ATOMIC_RELAXED), 0);
}

static void test_systemd_sums_up_all_units_also_those_left_out(void **state)
{
	(void)state;
	server_start(SYSTEM_BUS);
	run(HOST_INDEX_systemd);
	assert_value("node_systemd_units{state=\"active\"}", 5);
	assert_value("node_systemd_units{state=\"failed\"}", 1);
	assert_value("node_systemd_units{state=\"inactive\"}", 1);
	assert_value("node_systemd_units{state=\"activating\"}", 0);
	assert_value("node_systemd_units{state=\"refreshing\"}", 1);
	/* tmp.mount by the pattern, gone.service because it is not loaded. */
	assert_false(host_fixture_has(&test_host, "node_systemd_unit_state{name=\"tmp.mount\",state=\"active\","
						  "type=\"notify\"}"));
	assert_int_equal(host_fixture_count(&test_host, "node_systemd_unit_state{name=\"gone"), 0);
	assert_int_equal(host_fixture_count(&test_host, "node_systemd_unit_state{name=\"odd"), 5);
}

static void test_systemd_patterns_match_whole_names_only(void **state)
{
	(void)state;
	server_start(SYSTEM_BUS);
	test_host.options.systemd_unit_include = "ssh|mount.*|.*mount";
	test_host.options.systemd_unit_exclude = "tmp";
	run(HOST_INDEX_systemd);
	assert_int_equal(host_fixture_count(&test_host, "node_systemd_unit_state{name=\"ssh"), 0);
	assert_int_equal(host_fixture_count(&test_host, "node_systemd_unit_state{name=\"tmp.mount"), 5);
	assert_int_equal(host_fixture_count(&test_host, "node_systemd_unit_state{name=\"mount.target"), 5);
}

static void test_systemd_tells_tasks_restarts_and_starts_where_asked_to(void **state)
{
	(void)state;
	server_start(SYSTEM_BUS);
	test_host.options.systemd_enable_restarts_metrics = true;
	test_host.options.systemd_enable_start_time_metrics = true;
	test_host.options.systemd_enable_task_metrics = true;
	run(HOST_INDEX_systemd);
	assert_value("node_systemd_service_restart_total{name=\"ssh.service\"}", 3);
	assert_int_equal(host_fixture_count(&test_host, "node_systemd_service_restart_total{name=\"cron"), 0);
	assert_value("node_systemd_unit_tasks_current{name=\"ssh.service\"}", 7);
	assert_value("node_systemd_unit_tasks_max{name=\"ssh.service\"}", 100);
	assert_int_equal(host_fixture_count(&test_host, "node_systemd_unit_tasks_max{name=\"cron"), 0);
	assert_value("node_systemd_unit_start_time_seconds{name=\"ssh.service\"}", 1500000.5);
	assert_value("node_systemd_unit_start_time_seconds{name=\"cron.service\"}", 0);
}

static void test_systemd_remembers_the_types_of_services(void **state)
{
	(void)state;
	server_start(SYSTEM_BUS);
	run(HOST_INDEX_systemd);
	const unsigned first = __atomic_load_n(&type_questions, __ATOMIC_RELAXED);
	assert_int_equal(first, 3);
	host_fixture_collect(&test_host);
	host_fixture_collect(&test_host);
	assert_int_equal(__atomic_load_n(&type_questions, __ATOMIC_RELAXED), first);
	assert_value("node_systemd_unit_state{name=\"cron.service\",state=\"failed\",type=\"simple\"}", 1);
}

static void test_systemd_version_without_a_number_is_zero(void **state)
{
	(void)state;
	server.version = "v12 of mine";
	server_start(SYSTEM_BUS);
	run(HOST_INDEX_systemd);
	assert_value("node_systemd_version{version=\"\"}", 0);
}

/* ---- logind ----------------------------------------------------------------------------------------------------- */

static void test_logind_counts_sessions_by_seat_and_kind(void **state)
{
	(void)state;
	server_start(SYSTEM_BUS);
	run(HOST_INDEX_logind);
	assert_success("logind", 1);
	assert_value("node_logind_sessions{class=\"user\",remote=\"false\",seat=\"seat0\",type=\"other\"}", 1);
	assert_value("node_logind_sessions{class=\"user\",remote=\"true\",seat=\"\",type=\"tty\"}", 1);
	assert_value("node_logind_sessions{class=\"greeter\",remote=\"true\",seat=\"\",type=\"tty\"}", 0);
	/* The session that ended meanwhile is not counted, and every combination is told. */
	assert_int_equal(host_fixture_count(&test_host, "node_logind_sessions"), 2 * 2 * 7 * 5);
}

/* ---- no bus, bad bus -------------------------------------------------------------------------------------------- */

static void test_without_a_bus_there_is_no_data(void **state)
{
	(void)state;
	test_host.options.enabled[HOST_INDEX_logind] = true;
	run(HOST_INDEX_systemd);
	assert_success("systemd", 0);
	assert_success("logind", 0);
	assert_int_equal(host_fixture_count(&test_host, "node_systemd_"), 0);
}

static void test_on_a_bus_without_systemd_and_logind_there_is_no_data(void **state)
{
	(void)state;
	server.bare = true;
	server_start(SYSTEM_BUS);
	run(HOST_INDEX_systemd);
	assert_success("systemd", 0);
	assert_int_equal(host_fixture_count(&test_host, "node_systemd_"), 0);
	host_set_free(test_host.set);
	test_host.set = NULL;
	test_host.options.enabled[HOST_INDEX_systemd] = false;
	run(HOST_INDEX_logind);
	assert_success("logind", 0);
	assert_int_equal(host_fixture_count(&test_host, "node_logind_"), 0);
}

static void test_a_bus_that_never_answers_delays_nobody_else(void **state)
{
	(void)state;
	server.silent = true;
	server_start(SYSTEM_BUS);
	test_host.options.deadline_ns = 200000000;
	test_host.options.enabled[HOST_INDEX_loadavg] = true;
	FILES({"proc/loadavg", "0.5 0 0 1/2 3\n"});
	run(HOST_INDEX_logind);
	assert_value("node_load1", 0.5);
	assert_value("mstat_collector_stale{collector=\"logind\"}", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(test_systemd_is_asked_on_the_system_bus),
		BUS_TEST(test_systemd_is_asked_on_its_private_socket_by_root),
		BUS_TEST(test_systemd_sums_up_all_units_also_those_left_out),
		BUS_TEST(test_systemd_patterns_match_whole_names_only),
		BUS_TEST(test_systemd_tells_tasks_restarts_and_starts_where_asked_to),
		BUS_TEST(test_systemd_remembers_the_types_of_services),
		BUS_TEST(test_systemd_version_without_a_number_is_zero),
		BUS_TEST(test_logind_counts_sessions_by_seat_and_kind),
		BUS_TEST(test_without_a_bus_there_is_no_data),
		BUS_TEST(test_on_a_bus_without_systemd_and_logind_there_is_no_data),
		BUS_TEST(test_a_bus_that_never_answers_delays_nobody_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
