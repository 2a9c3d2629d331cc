/* Which After Effects project a zip archive holds: its directory is read, nothing is unpacked. The
 * answer is the path that the project has once @nexrender/action-decompress has unpacked the
 * archive, which leaves out a folder that everything lies in. Strict: an archive that two readers
 * could take for different things has no project. Hostile bytes are the normal case. Any thread. */
#ifndef API_ZIP_PROJECT_H
#define API_ZIP_PROJECT_H

#include "arena.h"

enum {
    ZIP_END_BYTES = 22,
    ZIP_TAIL_MAX_BYTES = ZIP_END_BYTES + 65535, /* with the longest comment */
    ZIP_DIRECTORY_MAX_BYTES = 4 * 1024 * 1024,  /* some 40,000 files; a project has hundreds */
    ZIP_PATH_MAX_BYTES = 512,
};

struct zip_directory {
    uint64_t offset;
    uint32_t bytes, count;
};
/* Where the directory stands, by the last bytes (at most ZIP_TAIL_MAX_BYTES) of a file of this
 * length. False: it is no zip, or one of more than 4 GiB, several disks or a longer directory. */
bool zip_directory_find(struct str tail, uint64_t file_bytes, struct zip_directory *ret);
/* The path of the one project (.aep, .aepx) that the directory names; empty when there is none,
 * more than one, or anything that is doubtful. Auto-saves and what macOS adds do not count. */
struct str zip_project_of(struct str directory, uint32_t count, struct arena *a);

/* Both, of an open file. Empty also when it cannot be read. */
struct str zip_project_read(int fd, uint64_t file_bytes, struct arena *a);

#endif
