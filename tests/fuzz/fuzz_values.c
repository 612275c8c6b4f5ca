/* Amounts, times, addresses and topic segments. The input is one text. */
#include <string.h>

#include "base/instant.h"
#include "base/micro_units.h"
#include "base/name.h"
#include "config/endpoint.h"
#include "tests/fuzz/amount_model.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/json_model.h"

static void check_amount_text(struct bytes text)
{
    micro_units value = -1;
    int64_t expected;
    enum status status = micro_units_parse(text, &value);
    bool is_amount = model_amount_of_string(text, &expected);
    fuzz_require((status == STATUS_OK) == is_amount, "an amount is what the contract says");
    fuzz_require(!is_amount || value == expected, "an amount is worth what it says");
}

static void check_number(struct bytes text)
{
    struct json_model model = json_model_of(text);
    if (!model.is_json || !json_model_is_number(text) || json_model_value(text).length != text.length) {
        return;
    }
    micro_units value = -1;
    int64_t expected;
    enum status status = micro_units_parse_number(text, &value);
    bool is_amount = model_amount_of_number(text, &expected);
    fuzz_require((status == STATUS_OK) == is_amount, "a number is an amount when the contract says so");
    fuzz_require(!is_amount || value == expected, "a number is worth what it says");
}

static void check_instant(struct bytes text)
{
    instant_ms instant, again;
    char written[INSTANT_TEXT_MAX];
    if (instant_parse(text, &instant) != STATUS_OK) {
        return;
    }
    struct bytes bytes = bytes_of(written, instant_format(instant, written));
    if (instant >= INSTANT_LEAST && instant <= INSTANT_MOST) {
        fuzz_require(instant_parse(bytes, &again) == STATUS_OK && again == instant,
                     "a time reads back as it is written");
    }
    instant_ms start, next;
    instant_month_bounds(instant, &start, &next);
    fuzz_require(start <= instant && instant < next && next - start >= 28LL * 86400000 &&
                     next - start <= 31LL * 86400000,
                 "a time lies in its month");
}

static void check_endpoint(struct bytes text)
{
    struct endpoint endpoint;
    if (endpoint_of_url(text, &endpoint) == STATUS_OK) {
        fuzz_require(endpoint.host.length > 0 && endpoint.port > 0, "a URL has a host and a port");
    }
    if (endpoint_of_listen(text, &endpoint) == STATUS_OK) {
        fuzz_require(endpoint.host.length > 0 && endpoint.host.length < text.length, "an address has a host");
    }
}

static void check_segment(struct bytes text)
{
    if (!name_is_segment(text)) {
        return;
    }
    fuzz_require(text.length >= 1 && text.length <= NAME_BYTES_MAX && json_model_of(text).is_utf8,
                 "a segment is 1 to 64 bytes of UTF-8");
    for (size_t i = 0; i < text.length; i++) {
        fuzz_require(text.data[i] > ' ' && text.data[i] != 0x7F && strchr("+#/", text.data[i]) == NULL,
                     "a segment has nothing that a topic cannot have");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    check_amount_text(text);
    check_number(text);
    check_instant(text);
    check_endpoint(text);
    check_segment(text);
    return 0;
}
