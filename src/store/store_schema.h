/* The schema's versions and the way from each to the next. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "db.h"

/* Step i leads from version i to i + 1. */
extern const char *const store_schema_steps[];
extern const size_t store_schema_step_count;

/* 0: the database is empty. */
enum err store_schema_version(struct db *db, int64_t *ret) MUST_USE;

/* Brings the database to version `count` in one transaction. ERR_CONFLICT: it is beyond that. */
enum err store_schema_migrate(struct db *db, const char *const *steps, size_t count) MUST_USE;

#endif
