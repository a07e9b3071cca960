#include <cstdint>
#include <cstdlib>

#include "core/base/byte_io.hpp"
#include "core/dataflow/node_queries.hpp"
#include "core/node/shard.hpp"
#include "core/sync/messages.hpp"

/// Whatever a client sends: the shard answers or closes, and goes on. The input is a list of frames
/// (u16 size, bytes) on a connection that said Hello; a connection the shard closed is replaced by
/// a new one. With the highest bit of its size set, a frame comes first on a connection of its own.

namespace {

using namespace topgun;

constexpr Now kNow{1'700'000'000'000, 1'000};

class Peer {
 public:
  explicit Peer(node::Shard& shard) : shard_(shard) { connect(); }

  void send_first(ByteView frame) {
    shard_.connected({++connection_}, kNow);
    send(frame);
  }

  void send(ByteView frame) {
    shard_.frame({connection_}, frame, kNow);
    shard_.end_turn(kNow);
    const node::Effects effects = shard_.take_effects();
    if (!effects.posts.empty()) std::abort();  // One shard has nobody to write to.
    if (!effects.closes.empty()) connect();
  }

 private:
  void connect() {
    ++connection_;
    shard_.connected({connection_}, kNow);
    Bytes frame;
    HelloMessage hello;
    hello.replica = {7};
    MessageWriter(frame).hello(hello);
    shard_.frame({connection_}, frame, kNow);
    shard_.end_turn(kNow);
    shard_.take_effects();
  }

  node::Shard& shard_;
  uint64_t connection_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  node::ShardOptions options;
  options.incarnation = 1;
  options.make_queries = &dataflow::NodeQueries::make;
  node::Shard shard(options);
  Peer peer(shard);
  ByteReader in(ByteView(data, size));
  while (in.ok() && in.remaining() >= 2) {
    constexpr uint16_t kFirst = 0x8000;
    const uint16_t head = in.u16();
    const ByteView frame = in.raw(std::min<size_t>(head & ~kFirst, in.remaining()));
    if ((head & kFirst) != 0) {
      peer.send_first(frame);
    } else {
      peer.send(frame);
    }
  }
  shard.tick(kNow);
  return 0;
}
