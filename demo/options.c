#include "demo/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: flyball-fleet [--broker URL] [--seconds N] [--root TOPIC] [--agent ID] [--print-config]\n"
    "  --broker URL     mqtt://127.0.0.1:1883\n"
    "  --seconds N      how long the chargers publish (60)\n"
    "  --root TOPIC     flyball/v1\n"
    "  --agent ID       the agent whose answers to wait for (depot)\n"
    "  --print-config   print the agent's configuration for this depot and exit\n";

static bool parse_seconds(const char *text, int64_t *seconds)
{
    char *end = NULL;
    *seconds = strtol(text, &end, 10);
    return end != text && *end == '\0' && *seconds >= 1 && *seconds <= RUN_SECONDS_MAX;
}

static bool take_option(struct options *options, int option)
{
    switch (option) {
    case 'b': options->broker = optarg; return true;
    case 'r': options->root = optarg; return true;
    case 'a': options->agent = optarg; return true;
    case 'p': options->print_config = true; return true;
    case 's': return parse_seconds(optarg, &options->seconds);
    default: return false;
    }
}

bool options_parse(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"broker", required_argument, NULL, 'b'}, {"root", required_argument, NULL, 'r'},
        {"agent", required_argument, NULL, 'a'},  {"seconds", required_argument, NULL, 's'},
        {"print-config", no_argument, NULL, 'p'}, {NULL, 0, NULL, 0},
    };
    *options = (struct options){
        .broker = "mqtt://127.0.0.1:1883", .root = "flyball/v1", .agent = "depot", .seconds = 60};
    bool valid = true;
    for (int option; valid && (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        valid = take_option(options, option);
    }
    if (!valid || optind != argc) {
        fputs(usage, stderr);
        return false;
    }
    return true;
}
