#include "control.h"

enum err control_send(int socket, enum control what, int fd)
{
    char byte = (char)what;
    return ipc_send(socket, str_bytes(&byte, 1), &fd, fd >= 0 ? 1 : 0);
}

enum err control_send_bits(int socket, enum control what, int first, int second)
{
    const char bytes[] = {(char)what, (char)first, (char)second};
    return ipc_send(socket, str_bytes(bytes, second < 0 ? 2 : 3), NULL, 0);
}
