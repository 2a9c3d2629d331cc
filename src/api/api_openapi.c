/* GET /openapi.json: docs/openapi.json as it stood when this program was built. No token: whoever
 * writes a client needs it first, and it says nothing of any team. */
#include "api_request.h"

extern const char api_openapi_text[]; /* tools/embed writes it */

void api_openapi(struct http_request *r)
{
    http_reply(r, 200, "application/json", str_from(api_openapi_text));
}
