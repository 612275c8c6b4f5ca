#include "tests/simulation/findings.h"

#include <stdarg.h>

void findings_violate(struct findings *findings, const char *format, ...)
{
    if (findings->is_violated) {
        return;
    }
    findings->is_violated = true;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(findings->text, sizeof findings->text, format, arguments);
    va_end(arguments);
    findings_trace(findings, "VIOLATED: %s", findings->text);
}

void findings_give_up(struct findings *findings, const char *why)
{
    if (!findings->is_violated) {
        findings->is_given_up = true;
        findings_violate(findings, "given up: %s", why);
    }
}

void findings_trace(struct findings *findings, const char *format, ...)
{
    if (findings->trace == NULL) {
        return;
    }
    fprintf(findings->trace, "%6llu  ", (unsigned long long)findings->step);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(findings->trace, format, arguments);
    va_end(arguments);
    fputc('\n', findings->trace);
}
