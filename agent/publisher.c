#include "agent/publisher.h"

#include <assert.h>

#include "agent/clock.h"
#include "agent/publisher_messages.h"
#include "agent/runtime/deadline.h"
#include "base/log.h"
#include "base/mutation.h"

enum { RECORDS_PER_TURN = 64, LOOK_MS = 100, GREETING_WAIT_MS = 1 };

enum status publisher_init(struct publisher *publisher, struct publisher_parts parts,
                           struct board_place *places, uint32_t place_count)
{
    publisher->parts = parts;
    flights_init(&publisher->flights);
    state_board_init(&publisher->board, places, place_count);
    publisher->walked = state_log_outbox_cursor(parts.log);
    publisher->landed = publisher->walked;
    publisher->undeferred = publisher->walked;
    pthread_mutex_init(&publisher->lock, NULL);
    pthread_cond_init(&publisher->stirred, NULL);
    return state_log_reader_open(&publisher->reader, parts.log);
}

void publisher_close(struct publisher *publisher)
{
    state_log_reader_close(&publisher->reader);
    pthread_cond_destroy(&publisher->stirred);
    pthread_mutex_destroy(&publisher->lock);
}

void publisher_connected(struct publisher *publisher, enum paho_session session)
{
    pthread_mutex_lock(&publisher->lock);
    publisher->connected = true;
    publisher->is_fresh = true;
    publisher->is_greeting = true;
    publisher->session_lost = publisher->session_lost || session == PAHO_SESSION_NEW;
    pthread_cond_signal(&publisher->stirred);
    pthread_mutex_unlock(&publisher->lock);
}

void publisher_subscribed(struct publisher *publisher)
{
    pthread_mutex_lock(&publisher->lock);
    publisher->is_greeting = false;
    pthread_mutex_unlock(&publisher->lock);
}

void publisher_disconnected(struct publisher *publisher)
{
    pthread_mutex_lock(&publisher->lock);
    publisher->connected = false;
    pthread_cond_signal(&publisher->stirred);
    pthread_mutex_unlock(&publisher->lock);
}

void publisher_landed(struct publisher *publisher, uint64_t ticket)
{
    flights_land(&publisher->flights, ticket);
    pthread_mutex_lock(&publisher->lock);
    publisher->has_landed = true;
    pthread_cond_signal(&publisher->stirred);
    pthread_mutex_unlock(&publisher->lock);
}

/* Finds out before which record no state is deferred: the mark on the disk must not pass it, or a crash would
 * leave that state unpublished. It holds until the next look, for what is deferred meanwhile lies behind the
 * walk. */
static void look_for_deferred(struct publisher *publisher, instant_ms now)
{
    record_ref least = state_board_least_pending(&publisher->board);
    bool is_behind = least != RECORD_REF_NONE && least <= publisher->walked;
    publisher->undeferred = is_behind ? least - 1 : publisher->walked;
    publisher->looked_at = now;
}

static record_ref undeferred(const struct publisher *publisher)
{
    return publisher->board.pending_count == 0 ? publisher->walked : publisher->undeferred;
}

/* Notes what was acknowledged, so that the next frame carries the mark. */
static void move_mark(struct publisher *publisher)
{
    publisher->landed = flights_landed(&publisher->flights, publisher->walked);
    record_ref most = undeferred(publisher);
    if (mutation_is_on(MUTATION_OUTBOX_AHEAD)) {
        state_log_set_outbox_cursor(publisher->parts.log, publisher->walked);
    }
    atomic_store(&publisher->outbox, publisher->flights.next - publisher->flights.first);
    state_log_set_outbox_cursor(publisher->parts.log, publisher->landed < most ? publisher->landed : most);
}

/* Nothing that was on the way will arrive: the walk starts again from what landed, and what the broker was
 * told beside the log is told again. */
static void start_over(struct publisher *publisher)
{
    move_mark(publisher);
    flights_forget(&publisher->flights);
    state_board_forget_published(&publisher->board);
    alerts_publish_all_again(publisher->parts.alerts);
    publisher->walked = publisher->landed;
    if (publisher->undeferred > publisher->walked) {
        publisher->undeferred = publisher->walked;
    }
    publisher->answered = RECORD_REF_NONE;
}

/* False while disconnected. */
static bool settle_connection(struct publisher *publisher)
{
    pthread_mutex_lock(&publisher->lock);
    bool connected = publisher->connected;
    bool session_lost = publisher->session_lost;
    bool is_fresh = publisher->is_fresh;
    publisher->session_lost = false;
    publisher->is_fresh = false;
    pthread_mutex_unlock(&publisher->lock);
    if (is_fresh) {
        publisher->has_caught_up = false;
        publisher->catch_up_to = state_log_committed(publisher->parts.log);
    }
    if (session_lost && !mutation_is_on(MUTATION_LOST_SESSION_FORGOTTEN)) {
        start_over(publisher);
    }
    return connected;
}

enum status publisher_send(struct publisher *publisher, struct paho_publication *publication, record_ref ref)
{
    if (publication->qos > 0) {
        flights_settle(&publisher->flights);
        if (flights_are_full(&publisher->flights)) {
            return STATUS_FULL;
        }
        publication->ticket = flights_add(&publisher->flights, ref);
    }
    enum status status = publisher->parts.outlet.publish(publisher->parts.outlet.self, publication);
    if (status != STATUS_OK && publication->qos > 0) {
        flights_withdraw(&publisher->flights);
    }
    if (status == STATUS_INVALID || status == STATUS_TOO_LARGE) {
        log_error("publication.refused", "topic_bytes=%zu payload_bytes=%zu status=%s",
                  publication->topic.length, publication->payload.length, status_name(status));
        return STATUS_OK; /* It can never be sent; waiting for it would stop everything behind it. */
    }
    if (status == STATUS_OK) {
        metrics_count(publisher->parts.metrics, METRIC_PUBLISHED);
    }
    return status;
}

static enum status walk_log(struct publisher *publisher, instant_ms now)
{
    enum status status = STATUS_OK;
    for (int i = 0; i < RECORDS_PER_TURN && status == STATUS_OK; i++) {
        record_ref at = publisher->walked;
        struct record record;
        status = state_log_next(&publisher->reader, &at, &record);
        if (status == STATUS_OK) {
            status = publish_record(publisher, &record, now);
        }
        if (status == STATUS_OK) {
            publisher->walked = at;
        }
    }
    if (status == STATUS_EMPTY || now - publisher->looked_at >= LOOK_MS) {
        look_for_deferred(publisher, now);
    }
    move_mark(publisher);
    return status;
}

static enum status publish_announcement(struct publisher *publisher)
{
    enum announcement_kind kind;
    size_t length;
    if (announcements_take(publisher->parts.announcements, &kind, publisher->payload, &length) != STATUS_OK) {
        return STATUS_EMPTY;
    }
    enum status status = publish_agent_message(publisher, kind, length);
    if (status != STATUS_OK) {
        announcements_put_back(publisher->parts.announcements, kind);
    }
    return status;
}

static enum status publish_next_alert(struct publisher *publisher)
{
    enum alert_name name;
    struct alert alert;
    if (alerts_take_unpublished(publisher->parts.alerts, &name, &alert) != STATUS_OK) {
        return STATUS_EMPTY;
    }
    enum status status = publish_alert(publisher, name, &alert);
    if (status != STATUS_OK) {
        alerts_publish_again(publisher->parts.alerts, name);
    }
    return status;
}

static enum status publish_due_state(struct publisher *publisher, instant_ms now)
{
    struct board_place *place = state_board_next_due(&publisher->board, now);
    return place == NULL ? STATUS_EMPTY : publish_deferred_states(publisher, place, now);
}

/* Repeats one source of messages until it is empty; STATUS_OK if it is. */
static enum status drain(struct publisher *publisher, enum status (*publish)(struct publisher *publisher))
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        status = publish(publisher);
    }
    return status == STATUS_EMPTY ? STATUS_OK : status;
}

/* What the agent says about itself; waits until what was owed before this connection is out. */
static enum status publish_announcements(struct publisher *publisher)
{
    if (!publisher->has_caught_up) {
        return STATUS_OK;
    }
    enum status status = drain(publisher, publish_announcement);
    return status == STATUS_OK ? drain(publisher, publish_next_alert) : status;
}

enum status publisher_turn(struct publisher *publisher, instant_ms now)
{
    if (!settle_connection(publisher)) {
        return STATUS_DISCONNECTED;
    }
    enum status status = publish_announcements(publisher);
    if (status != STATUS_OK) {
        return status;
    }
    enum status due = publish_due_state(publisher, now);
    if (due != STATUS_OK && due != STATUS_EMPTY) {
        return due;
    }
    status = walk_log(publisher, now);
    bool is_caught_up = status == STATUS_EMPTY || publisher->walked >= publisher->catch_up_to;
    if (is_caught_up && !publisher->has_caught_up) {
        publisher->has_caught_up = true;
        return status == STATUS_EMPTY ? STATUS_OK : status; /* Once more, for the announcements. */
    }
    return status == STATUS_EMPTY && due == STATUS_OK ? STATUS_OK : status;
}

/* Waits for an acknowledgement or a change of the connection. */
static void wait_for_broker(struct publisher *publisher, bool for_connection, int timeout_ms)
{
    struct deadline deadline = deadline_after(timeout_ms);
    pthread_mutex_lock(&publisher->lock);
    while (!(for_connection ? publisher->connected : publisher->has_landed) &&
           deadline_wait(&deadline, &publisher->stirred, &publisher->lock) == STATUS_OK) {
    }
    publisher->has_landed = false;
    pthread_mutex_unlock(&publisher->lock);
}

/* The log does not tell of announcements: while one is expected the wait for the log is short. */
static int greeting_wait(struct publisher *publisher, int timeout_ms)
{
    pthread_mutex_lock(&publisher->lock);
    bool is_greeting = publisher->is_greeting;
    pthread_mutex_unlock(&publisher->lock);
    return is_greeting && timeout_ms > GREETING_WAIT_MS ? GREETING_WAIT_MS : timeout_ms;
}

void publisher_wait(struct publisher *publisher, enum status last, int timeout_ms)
{
    if (last == STATUS_DISCONNECTED || last == STATUS_FULL || last == STATUS_NO_MEMORY) {
        wait_for_broker(publisher, last == STATUS_DISCONNECTED, timeout_ms);
    } else if (last == STATUS_EMPTY &&
               state_log_wait_committed(publisher->parts.log, publisher->walked,
                                        greeting_wait(publisher, timeout_ms)) == STATUS_CLOSED) {
        wait_for_broker(publisher, false, timeout_ms);
    }
}

uint64_t publisher_outbox(struct publisher *publisher)
{
    return atomic_load(&publisher->outbox);
}

bool publisher_is_done(struct publisher *publisher)
{
    move_mark(publisher);
    return flights_are_none(&publisher->flights) && publisher->board.pending_count == 0;
}
