/* Any text: both readers end, lines only grow, and nothing is left in locked memory. */
#include <stdlib.h>

#include "cli_env.h"

static void read_all(struct str text, enum cli_env_format format)
{
    AUTO(arena) struct arena arena = arena_make();
    struct cli_env env __attribute__((cleanup(cli_env_auto))) = cli_env_make(text, format, &arena);
    struct cli_env_entry entry = {.value = NULL};
    unsigned line = 0;
    while (cli_env_next(&env, &entry) == OK) {
        bool good = entry.why ? !entry.value : entry.value && secret_len(entry.value) > 0;
        if (!good || entry.line < line)
            abort();
        line = entry.line;
        secret_free(&entry.value);
        entry = (struct cli_env_entry){.value = NULL};
    }
    if (secret_arena_used() != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_bytes(data, size);
    read_all(text, CLI_ENV_DOTENV);
    read_all(text, CLI_ENV_JSON);
    (void)cli_env_guess(text);
    return 0;
}
