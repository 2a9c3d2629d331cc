#include "control.h"

enum err control_send(int socket, enum control what, int fd)
{
    char byte = (char)what;
    return ipc_send(socket, str_bytes(&byte, 1), &fd, fd >= 0 ? 1 : 0);
}
