/* What the calls of protocol v1 share. */
#ifndef API_STOCK_H
#define API_STOCK_H

#include "api_worker.h"

/* What the worker calls itself (header nexrender-name), cut to what is kept; may be empty. */
struct str api_stock_worker_name(struct http_request *r);

#endif
