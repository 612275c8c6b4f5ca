#include "demo/tariff.h"

#include "demo/depot.h"

static void put(struct text *text, const char *key, const char *value)
{
    json_put_literal(text, key, value);
}

static void write_prices(struct text *text, const char *kwh)
{
    json_key(text, "prices");
    json_open_object(text);
    put(text, "kwh", kwh);
    json_close_object(text);
}

static void write_billing(struct text *text, const char *low_balance, const char *overdraft)
{
    json_key(text, "billing");
    json_open_object(text);
    put(text, "low_balance", low_balance);
    put(text, "overdraft", overdraft);
    json_close_object(text);
}

/* A plan's only limit, on energy. */
static void write_quota(struct text *text, const char *algorithm, const char *limit, const char *window)
{
    json_key(text, "quotas");
    json_open_array(text);
    json_open_object(text);
    put(text, "name", window);
    put(text, "meter", "kwh");
    put(text, "algorithm", algorithm);
    put(text, "limit", limit);
    put(text, "window", window);
    json_close_object(text);
    json_close_array(text);
}

static void open_plan(struct text *text, const char *name, const char *feature)
{
    json_key(text, name);
    json_open_object(text);
    json_key(text, "features");
    json_open_array(text);
    json_string(text, bytes_of_string(feature));
    json_close_array(text);
}

void tariff_write_plans(struct text *text, enum tariff tariff)
{
    bool evening = tariff == TARIFF_EVENING;
    json_open_object(text);

    open_plan(text, "house", "*");
    write_quota(text, "fixed", "2", "day");
    json_close_object(text);

    open_plan(text, "fleet", "charge");
    write_quota(text, "sliding", "400", "hour");
    write_prices(text, evening ? "0.45" : "0.3");
    write_billing(text, "10", "20");
    json_close_object(text);

    open_plan(text, "commuter", "charge");
    write_quota(text, "fixed", evening ? "28" : "30", "day");
    write_prices(text, evening ? "0.5" : "0.35");
    write_billing(text, "2", "0");
    json_close_object(text);

    open_plan(text, "prepaid", "charge");
    write_prices(text, evening ? "0.55" : "0.4");
    write_billing(text, "2", "0");
    json_close_object(text);

    open_plan(text, "day-pass", "charge");
    write_quota(text, "token_bucket", "100", "hour");
    write_prices(text, "0.5");
    write_billing(text, "2", "0");
    json_close_object(text);

    json_close_object(text);
}

static void write_meters(struct text *text)
{
    json_key(text, "meters");
    json_raw(text, bytes_of_string(
                       "{\"kwh\":{\"chain\":[\"entitlement\",\"quota\",\"billing\"],\"feature\":\"charge\"},"
                       "\"unlock\":{\"chain\":[\"entitlement\"],\"priority\":\"high\"}}"));
}

/* What turns a plug's own telegrams into events, and decisions into its own commands. */
static void write_routes(struct text *text)
{
    json_key(text, "routes");
    json_raw(text, bytes_of_string(
                       "[{\"topic\":\"tele/{device}/SENSOR\",\"subject\":\"house\",\"meter\":\"kwh\","
                       "\"amount\":{\"pointer\":\"/ENERGY/Total\",\"kind\":\"counter\"},"
                       "\"id\":{\"pointer\":\"/Time\"},"
                       "\"decide\":{\"topic\":\"cmnd/{device}/POWER\",\"allow\":\"ON\",\"deny\":\"OFF\"}}]"));
}

/* An object of one string. */
static void write_section(struct text *text, const char *name, const char *key, const char *value)
{
    json_key(text, name);
    json_open_object(text);
    put(text, key, value);
    json_close_object(text);
}

void tariff_write_config(struct text *text, const struct options *options)
{
    json_open_object(text);
    write_section(text, "agent", "id", options->agent);
    write_section(text, "broker", "url", options->broker);
    write_section(text, "topics", "root", options->root);
    write_routes(text);
    json_key(text, "plans");
    tariff_write_plans(text, TARIFF_DAY);
    write_meters(text);
    write_section(text, "subjects", "plan", depot_house);
    json_close_object(text);
}
