#include "agent/state/compression.h"

static void *take_from_arena(void *arena, unsigned count, unsigned size)
{
    return arena_take(arena, (size_t)count * size);
}

/* The arena goes as a whole. */
static void give_nothing(void *arena, void *address)
{
    (void)arena;
    (void)address;
}

static void use_arena(z_stream *stream, struct arena *arena)
{
    *stream = (z_stream){.zalloc = take_from_arena, .zfree = give_nothing, .opaque = arena};
}

enum status deflater_init(struct deflater *deflater, void *memory, int level)
{
    arena_init(&deflater->arena, memory, DEFLATER_MEMORY_BYTES);
    use_arena(&deflater->stream, &deflater->arena);
    int result =
        deflateInit2(&deflater->stream, level, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    return result == Z_OK ? STATUS_OK : STATUS_NO_MEMORY;
}

void deflater_begin(struct deflater *deflater, uint8_t *out, size_t capacity)
{
    deflateReset(&deflater->stream);
    deflater->stream.next_out = out;
    deflater->stream.avail_out = (uInt)capacity;
}

enum status deflater_add(struct deflater *deflater, struct bytes piece)
{
    deflater->stream.next_in = (Bytef *)piece.data;
    deflater->stream.avail_in = (uInt)piece.length;
    while (deflater->stream.avail_in > 0) {
        if (deflater->stream.avail_out == 0 || deflate(&deflater->stream, Z_NO_FLUSH) != Z_OK) {
            return STATUS_FULL;
        }
    }
    return STATUS_OK;
}

enum status deflater_finish(struct deflater *deflater, size_t *length)
{
    deflater->stream.avail_in = 0;
    if (deflate(&deflater->stream, Z_FINISH) != Z_STREAM_END) {
        return STATUS_FULL;
    }
    *length = deflater->stream.total_out;
    return STATUS_OK;
}

enum status inflater_init(struct inflater *inflater, void *memory)
{
    arena_init(&inflater->arena, memory, INFLATER_MEMORY_BYTES);
    use_arena(&inflater->stream, &inflater->arena);
    return inflateInit(&inflater->stream) == Z_OK ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status inflater_run(struct inflater *inflater, struct bytes stored, uint8_t *out, size_t length)
{
    z_stream *stream = &inflater->stream;
    inflateReset(stream);
    stream->next_in = (Bytef *)stored.data;
    stream->avail_in = (uInt)stored.length;
    stream->next_out = out;
    stream->avail_out = (uInt)length;
    bool is_whole =
        inflate(stream, Z_FINISH) == Z_STREAM_END && stream->avail_in == 0 && stream->avail_out == 0;
    return is_whole ? STATUS_OK : STATUS_CORRUPT;
}
