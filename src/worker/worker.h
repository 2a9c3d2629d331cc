/* `safelight worker`: a render node. Leases a job, downloads its assets, runs an engine in an empty
 * folder, sends the log while it grows, uploads the output, reports. docs/PROTOCOL-worker.md. */
#ifndef WORKER_H
#define WORKER_H

/* argv[0] is "worker". Returns the exit code. */
int worker_main(int argc, char **argv);

#endif
