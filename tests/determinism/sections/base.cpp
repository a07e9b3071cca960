#include "core/base/byte_io.hpp"
#include "core/base/partition.hpp"
#include "tests/determinism/trace.hpp"

namespace topgun::determinism {
namespace {

void play_draws(Gen& gen, TraceHash& trace) {
  const uint64_t seed = gen.bits();
  Prng prng(seed, stream_id("draws"), gen.below(10));
  for (int i = 0; i < 100; ++i) trace.add(prng.next());
  for (uint64_t bound = 1; bound < 100; ++bound) trace.add(prng.below(bound));
  const double unit = prng.unit();
  trace.add(static_cast<uint64_t>(unit * 0x1p53));

  std::vector<uint64_t> items(gen.below(50));
  for (uint64_t i = 0; i < items.size(); ++i) items[i] = i;
  gen.shuffle(std::span(items));
  for (const uint64_t item : items) trace.add(item);
}

void play_hashes(Gen& gen, TraceHash& trace) {
  for (int i = 0; i < 50; ++i) {
    const Bytes bytes = gen.bytes(0, 600);
    const Hash128 wide = hash128(bytes);
    trace.add(hash64(bytes));
    trace.add(hash64(bytes, gen.bits()));
    trace.add(wide.low);
    trace.add(wide.high);
    // Random bytes are mostly invalid UTF-8, and valid keys are words.
    trace.add(partition_of(bytes).value);
    trace.add(partition_of(as_bytes(gen.word(0, 20))).value);
  }
}

void play_byte_io(Gen& gen, TraceHash& trace) {
  Bytes out;
  ByteWriter writer(out);
  for (int i = 0; i < 50; ++i) {
    uint64_t value = gen.bits();
    value >>= gen.below(64);
    writer.varint(value);
    writer.u16(static_cast<uint16_t>(value));
    writer.u64(zigzag(static_cast<int64_t>(value)));
    writer.blob(gen.bytes(0, 10));
  }
  trace.add(out);

  // Damaged input: which error, and where, must agree too.
  for (int i = 0; i < 50; ++i) {
    Bytes damaged = out;
    damaged.resize(damaged.size() - static_cast<size_t>(gen.below(40)));
    uint8_t& byte = damaged[static_cast<size_t>(gen.below(damaged.size()))];
    byte ^= static_cast<uint8_t>(gen.below(256));
    ByteReader reader(damaged);
    while (reader.ok() && !reader.at_end()) {
      trace.add(reader.varint());
      trace.add(reader.u16());
      trace.add(reader.u64());
      trace.add(reader.blob(10));
    }
    trace.add(reader.ok() ? 0 : static_cast<uint64_t>(reader.error()));
    trace.add(reader.position());
  }
}

}  // namespace

void play_base(Gen& gen, TraceHash& trace) {
  play_draws(gen, trace);
  play_hashes(gen, trace);
  play_byte_io(gen, trace);
}

}  // namespace topgun::determinism
