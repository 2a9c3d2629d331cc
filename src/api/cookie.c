#include "cookie.h"

size_t cookie_find(struct str header, struct str name, struct str *ret)
{
    size_t found = 0;
    while (header.ptr) {
        struct str pair, key;
        header = str_split(header, ';', &pair);
        struct str value = str_split(pair, '=', &key);
        if (!value.ptr || !str_equal(str_trim(key), name))
            continue;
        if (found++ == 0)
            *ret = str_trim(value);
    }
    return found;
}
