#include "mqtt/reply_message.h"

void reply_message_put(struct text *text, const struct reply_message *reply)
{
    json_open_object(text);
    json_put_name(text, "command", &reply->command);
    json_put_literal(text, "op", command_op_name(reply->op));
    json_put_literal(text, "status", reply->reason == REPLY_OK ? "ok" : "rejected");
    json_put_literal(text, "reason", reply_reason_name(reply->reason));
    json_put_unsigned(text, "seq", reply->seq);
    json_key(text, "state");
    json_raw(text, reply->state.length > 0 ? reply->state : bytes_of_string("{}"));
    if (reply->cid.length > 0) {
        json_key(text, "cid");
        json_raw(text, reply->cid);
    }
    json_close_object(text);
}
