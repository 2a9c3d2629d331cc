/* What the commands about jobs share. Owner thread. */
#ifndef CLI_JOB_H
#define CLI_JOB_H

#include "cli_client.h"

/* 0 and the job's JSON, or the exit code of what was said. */
int cli_job_get(struct cli_client *c, const char *id, struct buf *ret);
/* As JSON with --json, else as lines. */
void cli_job_print(const struct cli_args *args, struct str job, struct arena *a);

#endif
