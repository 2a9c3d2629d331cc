#include "control.h"

enum err control_send(int socket, enum control what, int fd)
{
    char byte = (char)what;
    return ipc_send(socket, str_bytes(&byte, 1), &fd, fd >= 0 ? 1 : 0);
}

enum err control_send_bit(int socket, enum control what, bool bit)
{
    const char bytes[] = {(char)what, (char)bit};
    return ipc_send(socket, str_bytes(bytes, sizeof bytes), NULL, 0);
}
