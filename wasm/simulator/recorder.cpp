#include "wasm/simulator/recorder.hpp"

#include "wasm/simulator/describe.hpp"

namespace topgun::sim {

std::string Recorder::take() {
  std::string all = "[";
  for (const std::string& event : events_) {
    if (all.size() > 1) all += ',';
    all += event;
  }
  events_.clear();
  return all + "]";
}

void Recorder::keep(std::string event) {
  if (events_.size() == events_max_) events_.pop_front();
  events_.push_back(std::move(event));
}

void Recorder::on_frame(const ObservedFrame& frame) {
  if (frames_ == Frames::Lost && !frame.lost) return;
  Json json;
  json.open('{').field("event", "frame").field("t", frame.ended_us).field("sent", frame.sent_us);
  json.field("client", frame.client).field("to_node", frame.to_node).field("lost", frame.lost);
  json.field("bytes", static_cast<uint64_t>(frame.bytes.size()));
  describe_messages(json, frame.bytes);
  keep(json.close('}').text());
}

void Recorder::on_step(const Step& step, uint64_t at_us) {
  Json json;
  json.open('{').field("event", "step").field("t", at_us);
  describe_step(json, step);
  keep(json.close('}').text());
}

void Recorder::on_step_end(const Step& step, uint64_t at_us) {
  Json json;
  json.open('{').field("event", "step_end").field("t", at_us);
  describe_step(json, step);
  keep(json.close('}').text());
}

void Recorder::on_healing(uint64_t at_us) {
  Json json;
  keep(json.open('{').field("event", "healing").field("t", at_us).close('}').text());
}

void Recorder::on_durable(uint16_t shard, uint64_t sequence, uint64_t at_us) {
  if (frames_ == Frames::Lost) return;
  Json json;
  json.open('{').field("event", "durable").field("t", at_us);
  json.field("shard", uint32_t{shard}).field("sequence", sequence);
  keep(json.close('}').text());
}

}  // namespace topgun::sim
