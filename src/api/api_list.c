#include "api_list.h"

void api_list(struct http_request *r, const struct api_list *list)
{
    struct store_tx *tx;
    const void *rows = NULL;
    size_t count = 0;
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = list->read(tx, r, &rows, &count);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    AUTO(buf) struct buf body = buf_make(list->answer_max_bytes);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '[');
    for (size_t i = 0; i < count; i++) {
        json_out_open(&o, '{');
        list->write(&o, (const char *)rows + i * list->row_bytes);
        json_out_close(&o, '}');
    }
    json_out_close(&o, ']');
    api_reply_out(r, 200, &body, &o);
}
