/* Payloads in few words, for the tests. */
#ifndef JOB_PAYLOAD_KIT_H
#define JOB_PAYLOAD_KIT_H

#define T "\"template\":{\"id\":\"PLACEHOLDER\",\"src\":\"https://h/a.aep\"}"
#define P                                                                                          \
    "\"region\":\"eu\",\"bucket\":\"b\",\"accessKeyId\":\"k\","                                    \
    "\"accessKeySecret\":\"s\""
#define U(more)     "{" T ",\"upload\":{" more "\"params\":{" P "}}}"
#define PARAMS(all) "{" T ",\"upload\":{\"params\":{" all "}}}"
#define A(asset)    "{" T ",\"assets\":[" asset "]}"
#define S(settings) "{" T ",\"settings\":{" settings "}}"
#define F(function) "{\"type\":\"function\"," function "}"
#define W(webhook)  "{" T ",\"webhook\":{" webhook "}}"

#endif
