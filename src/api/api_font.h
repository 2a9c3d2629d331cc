/* What the files of fonts share. */
#ifndef API_FONT_H
#define API_FONT_H

#include "api_request.h"
#include "store_font.h"

void api_font_write(struct json_out *o, const struct font_row *font);

#endif
