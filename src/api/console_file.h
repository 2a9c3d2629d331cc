/* The files of the web console as they are built into the program; tools/embed writes the table
 * from src/api/console. */
#ifndef API_CONSOLE_FILE_H
#define API_CONSOLE_FILE_H

#include <stddef.h>

struct console_file {
    const char *name, *type; /* "app.mjs", its content type */
    const char *tag;         /* a strong ETag, with its quotes: of the bytes alone */
    const char *bytes;
    size_t len;
};
extern const struct console_file console_files[];
extern const size_t console_file_count;

#endif
