/* SPDX-License-Identifier: MIT */
/* A pool of database connections, one less than the worker has threads: who finds none free waits. The connections are
 * real places that are taken and given back; the database behind them is a short sleep. */
#ifndef DEMO_DB_POOL_H
#define DEMO_DB_POOL_H

#include <stdint.h>

/* Makes the pool of a worker with so many threads. Call once in each worker. */
void db_pool_init(uint32_t threads);

/* Takes a connection, waits for the database, gives it back. Thread-safe. */
void db_pool_store(uint64_t *random);

#endif
