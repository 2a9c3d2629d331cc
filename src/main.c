/* safelight: one binary, one command line. Server commands live in server/, the render node in
 * worker/, everything that talks to a server in cli/. */
#include <string.h>

#include "alloc.h"
#include "attr.h"
#include "cli.h"
#include "config_main.h"
#include "init.h"
#include "io.h"
#include "serve.h"
#include "worker.h"

enum { EXIT_FAILED = 7 };

int main(int argc, char **argv)
{
    static const struct {
        const char *word;
        int (*run)(int argc, char **argv);
    } commands[] = {{"init", init_main},
                    {"serve", serve_main},
                    {"config", config_main},
                    {"worker", worker_main}};

    alloc_wipe_freed_memory();
    if (io_open_standard() != OK)
        return EXIT_FAILED;
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[1], commands[i].word) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    return cli_main(argc, argv);
}
