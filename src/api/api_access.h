/* What is said of a request when it has ended: its line in the log, its place in the metrics. */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "http.h"

void api_access_finished(const struct http_request *r, const struct http_outcome *outcome);

#endif
