#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io.h"

enum { PASSED_FIRST = 3, PASSED_MAX = 1000, OPERATOR_BACKLOG = 64, GROUP_BUFFER_BYTES = 16 * 1024 };

/* --- what a socket is called --- */

static enum err name_tcp(const struct sockaddr_storage *address, char *ret, size_t size)
{
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memcpy(&v4, address, sizeof v4);
    memcpy(&v6, address, sizeof v6);
    bool six = address->ss_family == AF_INET6;
    const void *where = six ? (const void *)&v6.sin6_addr : &v4.sin_addr;
    if (!inet_ntop(address->ss_family, where, text, sizeof text))
        return ERR_IO;
    snprintf(ret, size, six ? "[%s]:%u" : "%s:%u", text, ntohs(six ? v6.sin6_port : v4.sin_port));
    return OK;
}

/* ERR_INVALID: not a kind that we serve, or abstract (anybody may connect to those). */
static enum err name_socket(struct listener *l)
{
    struct sockaddr_storage address;
    struct sockaddr_un local;
    socklen_t len = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(l->fd, (struct sockaddr *)&address, &len) != 0)
        return ERR_INVALID;
    if (address.ss_family == AF_INET || address.ss_family == AF_INET6)
        return name_tcp(&address, l->text, sizeof l->text);
    if (address.ss_family != AF_UNIX)
        return ERR_INVALID;
    memcpy(&local, &address, sizeof local);
    local.sun_path[sizeof local.sun_path - 1] = 0;
    if (local.sun_path[0] != '/')
        return ERR_INVALID;
    snprintf(l->text, sizeof l->text, "unix:%s", local.sun_path);
    return OK;
}

/* --- systemd --- */

static bool number_is(const char *variable, uint64_t max, uint64_t *ret)
{
    const char *text = getenv(variable);
    return text && str_to_u64(str_from(text), max, ret) == OK;
}

static bool option_is(int fd, int option, int wanted)
{
    int value = 0;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == wanted;
}

static enum err refuse(char *ret_why, const char *why)
{
    snprintf(ret_why, DATADIR_WHY_BYTES, "%s", why);
    return ERR_INVALID;
}

/* ERR_NOT_FOUND: none was passed, or to somebody else. */
static enum err take_passed(struct listener *l, char *ret_why)
{
    uint64_t pid, count;
    int yes = 1;
    if (!number_is("LISTEN_PID", INT32_MAX, &pid) || (pid_t)pid != getpid() ||
        !getenv("LISTEN_FDS"))
        return ERR_NOT_FOUND;
    if (!number_is("LISTEN_FDS", PASSED_MAX, &count))
        return refuse(ret_why, "LISTEN_FDS is not a number of sockets");
    if (count == 0)
        return ERR_NOT_FOUND;
    if (count != 1)
        return refuse(ret_why,
                      "systemd passed several sockets; the unit may have one ListenStream=");
    l->fd = PASSED_FIRST;
    if (!option_is(l->fd, SO_TYPE, SOCK_STREAM) || !option_is(l->fd, SO_ACCEPTCONN, 1))
        return refuse(ret_why, "what systemd passed is not a listening stream socket; say "
                               "ListenStream= and Accept=no");
    if (name_socket(l) != OK)
        return refuse(ret_why, "systemd passed a socket that is neither TCP nor a UNIX socket with "
                               "a path (abstract ones are open to everybody)");
    int flags = fcntl(l->fd, F_GETFL);
    if (flags < 0 || fcntl(l->fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(l->fd, F_SETFD, FD_CLOEXEC) != 0)
        return refuse(ret_why, strerror(errno));
    (void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    l->passed = true;
    return OK;
}

/* --- TCP --- */

static enum err open_tcp(const struct config *c, const struct config_listen *at, struct listener *l,
                         char *ret_why)
{
    char port_text[8];
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM},
                    *found;
    int yes = 1;
    snprintf(port_text, sizeof port_text, "%u", at->port);
    if (getaddrinfo(at->address, port_text, &hints, &found) != 0)
        return refuse(ret_why, "listen: name an IP address, not a host");
    l->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = l->fd >= 0 && setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
              setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0 &&
              bind(l->fd, found->ai_addr, found->ai_addrlen) == 0 && listen(l->fd, SOMAXCONN) == 0;
    int error = errno;
    freeaddrinfo(found);
    if (ok)
        return name_socket(l);
    snprintf(ret_why, DATADIR_WHY_BYTES,
             "%s: %s; choose another with --listen (port 0 takes any free one)", c->listen,
             strerror(error));
    return error == EADDRINUSE ? ERR_IN_USE : ERR_IO;
}

/* --- UNIX --- */

static int unix_socket(const char *path, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (str_to_text(str_from(path), ret->sun_path, sizeof ret->sun_path) != OK)
        return -1;
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Bound with 0600: nobody else gets in before group and permissions are what they should be. */
static bool bind_private(int fd, const struct sockaddr_un *address, int backlog)
{
    mode_t before = umask(0177);
    bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
              listen(fd, backlog) == 0;
    int error = errno;
    umask(before);
    errno = error;
    return ok;
}

/* A socket that nobody listens on any more was left by a server that was killed. Anything else that
 * stands in the place is somebody's. */
static enum err clear_place(const char *path, char *ret_why)
{
    struct sockaddr_un address;
    struct stat st;
    if (lstat(path, &st) != 0)
        return OK; /* nothing there; bind tells what else may be wrong */
    if (!S_ISSOCK(st.st_mode)) {
        snprintf(ret_why, DATADIR_WHY_BYTES,
                 "%s: there is something that is not a socket; remove it or choose another path",
                 path);
        return ERR_INVALID;
    }
    AUTO(fd) int fd = unix_socket(path, &address);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0 &&
        errno == ECONNREFUSED && unlink(path) == 0)
        return OK;
    snprintf(ret_why, DATADIR_WHY_BYTES, "%s: a server is listening there already", path);
    return ERR_IN_USE;
}

static enum err group_id(const char *name, gid_t *ret)
{
    char buffer[GROUP_BUFFER_BYTES];
    struct group entry, *found = NULL;
    uint64_t number;
    if (str_to_u64(str_from(name), INT32_MAX, &number) == OK) {
        *ret = (gid_t)number;
        return OK;
    }
    if (getgrnam_r(name, &entry, buffer, sizeof buffer, &found) != 0 || !found)
        return ERR_NOT_FOUND;
    *ret = found->gr_gid;
    return OK;
}

bool listener_group_exists(const char *name)
{
    gid_t ignored;
    return group_id(name, &ignored) == OK;
}

static enum err open_up(const struct config *c, const char *path, char *ret_why)
{
    gid_t group = (gid_t)-1;
    unsigned mode = 0;
    if (c->listen_group[0] && group_id(c->listen_group, &group) != OK)
        return refuse(ret_why, "listen-group: there is no such group");
    if (c->listen_group[0] && lchown(path, (uid_t)-1, group) != 0)
        return refuse(ret_why, "listen-group: the socket cannot be given to this group; we must be "
                               "a member of it; under the packaged unit use SocketGroup= of "
                               "safelight.socket instead");
    if (config_mode(str_from(c->listen_mode), &mode) != OK || chmod(path, mode) != 0)
        return refuse(ret_why, "listen-mode: the permissions cannot be set");
    return OK;
}

static enum err open_unix(const struct config *c, const char *path, struct listener *l,
                          char *ret_why)
{
    struct sockaddr_un address;
    struct stat st;
    TRY(clear_place(path, ret_why));
    l->fd = unix_socket(path, &address);
    if (!bind_private(l->fd, &address, SOMAXCONN)) {
        snprintf(ret_why, DATADIR_WHY_BYTES, "%s: %s; does its folder exist, and may we write it?",
                 path, strerror(errno));
        return errno == EADDRINUSE ? ERR_IN_USE : ERR_IO;
    }
    if (lstat(path, &st) == 0) {
        l->device = st.st_dev;
        l->inode = st.st_ino;
    }
    TRY(name_socket(l)); /* first: then it is removed when the rest fails */
    return open_up(c, path, ret_why);
}

/* --- the outside --- */

enum err listener_open(const struct config *c, struct listener *ret,
                       char ret_why[static DATADIR_WHY_BYTES])
{
    struct config_listen at = {.port = 0};
    struct listener l = {.fd = -1};
    enum err e = take_passed(&l, ret_why);
    if (e == ERR_NOT_FOUND)
        e = config_listen(str_from(c->listen), &at);
    if (e == OK && !l.passed)
        e = at.is_unix ? open_unix(c, at.address, &l, ret_why) : open_tcp(c, &at, &l, ret_why);
    if (e == OK)
        *ret = l;
    else
        listener_end(&l);
    return e;
}

void listener_end(struct listener *l)
{
    const char *path = l->text + sizeof "unix:" - 1;
    struct stat st;
    io_close(&l->fd);
    bool made = l->inode != 0 && str_starts(str_from(l->text), STR("unix:"));
    if (made && lstat(path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
        unlink(path);
}

enum err listener_operator(const char *data, int *ret_fd, char ret_why[static DATADIR_WHY_BYTES])
{
    struct sockaddr_un address;
    char path[DATADIR_PATH_MAX_BYTES];
    AUTO(fd) int fd = -1;
    if (datadir_path(data, "safelight.sock", path) == OK)
        fd = unix_socket(path, &address);
    if (fd < 0) {
        snprintf(ret_why, DATADIR_WHY_BYTES, "its path is too long for a socket (107 bytes)");
        return ERR_IO;
    }
    unlink(path); /* of a server that was killed: we hold the lock, so none is running */
    if (!bind_private(fd, &address, OPERATOR_BACKLOG)) {
        snprintf(ret_why, DATADIR_WHY_BYTES, "%s: %s", path, strerror(errno));
        return ERR_IO;
    }
    *ret_fd = fd;
    fd = -1;
    return OK;
}
