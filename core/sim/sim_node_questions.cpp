#include "core/sim/sim_node_questions.hpp"

#include "core/base/byte_io.hpp"
#include "core/base/hash.hpp"
#include "core/base/mix.hpp"
#include "core/base/probe.hpp"
#include "core/base/stable_sort.hpp"
#include "core/query/query.hpp"
#include "core/sim/invariant_checker.hpp"
#include "core/sim/sim_client.hpp"

namespace topgun::sim {

using client::Command;

namespace {

constexpr size_t kAskedMax = 3;
// Numbers of the protocol: how answers are told, sides of combinations, steps.
constexpr uint8_t kGroups = 1;
constexpr uint8_t kRecords = 2;
constexpr uint8_t kCombinations = 3;
constexpr uint8_t kAbsent = 0;
constexpr uint8_t kEnter = 0;
constexpr uint8_t kUpdate = 1;
constexpr uint8_t kMove = 2;
constexpr uint8_t kLeave = 3;
constexpr uint8_t kGroupLeaves = 2;

/// What an application asks of the node: of the map, or of a view.
Question node_question_of(uint64_t draw, bool asks_views) {
  Question question = question_of(draw);
  question.over = Relation::Notes;
  if (!asks_views) question.partners = Relation::Notes;
  if (asks_views) question.over = static_cast<Relation>(1 + mix64(draw) % (kRelationCount - 1));
  if (!question.has_records()) {
    // The values of such views are others than those of records: all of them, in any order.
    const Relation over = question.over;
    question = {};
    question.over = over;
    return question;
  }
  // Joins cost a node of several shards more than everything else.
  if (draw >> 62 != 0) question.partner = Partner::None;
  return question;
}

Invariant invariant_of(const Question& question) {
  return question.looks_at_view() ? Invariant::ViewIsTrue : Invariant::LiveIsTrue;
}

bool are_equal(const Question& question, const std::vector<NaiveRow>& expected,
               const std::vector<std::vector<const Shown::value_type*>>& told) {
  const size_t sides = question.partner == Partner::None ? 1 : 2;
  if (expected.size() != told.size()) return false;
  for (size_t i = 0; i < expected.size(); ++i) {
    for (size_t side = 0; side < sides; ++side) {
      if (expected[i].sides[side] != told[i][side]) return false;
    }
  }
  return true;
}

}  // namespace

void add_node_questions(Scenario& scenario) {
  Prng prng(scenario.seed, stream_id("scenario.node.questions"));
  const bool is_lite = scenario.profile == Profile::Lite;
  if (prng.below(is_lite ? 2 : 4) != 0) return;
  const bool has_views = prng.below(2) == 0;
  for (Step& step : scenario.steps) {
    const bool is_entry = step.kind == StepKind::Set || step.kind == StepKind::SetTtl;
    if (!is_entry || step.b >> kWriteBits != 0) continue;
    const Prng shape(scenario.seed, stream_id("scenario.records"), step.id);
    step.b |= ((shape.at(0) >> 44) + 1) << kWriteBits;
  }
  for (uint32_t client = 0; client < scenario.all_clients(); ++client) {
    Prng draws(scenario.seed, stream_id("scenario.client.node.questions"), client);
    const bool asks = draws.below(is_lite ? 3 : 5) < (is_lite ? 2 : 1);
    const uint64_t count = 1 + draws.below(6);
    const Prng views(scenario.seed, stream_id("scenario.client.node.views"), client);
    for (uint64_t i = 0; asks && i < count; ++i) {
      Step step;
      step.id = uint64_t{3} << 61 | (uint64_t{client} + 1) << 32 | i;
      step.at_ms = draws.below(scenario.duration_ms);
      step.actor = client;
      step.kind = draws.below(5) == 0 ? StepKind::EndAskNode : StepKind::AskNode;
      step.a = draws.next();
      step.b = draws.below(4);
      if (has_views && views.at(i) % 2 == 0) step.b |= kAsksViews;
      scenario.steps.push_back(step);
    }
  }
}

void SimNodeQuestions::fail(const Question& question, std::string_view what) {
  checker_.fail(invariant_of(question), "client " + std::to_string(client_) +
                                            " asked the node for " + question_text(question) +
                                            ": " + std::string(what));
}

// --- the life of the process ---

void SimNodeQuestions::restart() {
  for (const auto& [number, asked] : asked_) ask(number);
}

void SimNodeQuestions::stop() {
  std::erase_if(asked_, [](const auto& asked) { return !asked.second.is_live; });
  for (auto& [number, asked] : asked_) {
    asked.is_answered = false;
    asked.rows.clear();
    asked.groups.clear();
  }
}

// --- what the application does ---

void SimNodeQuestions::carry_out(const Step& step) {
  if (step.kind == StepKind::EndAskNode) {
    if (asked_.empty()) return;
    auto asked = asked_.begin();
    std::advance(asked, static_cast<std::ptrdiff_t>(step.a % asked_.size()));
    return drop(asked->first);
  }
  if (asked_.size() >= kAskedMax) drop(asked_.begin()->first);
  const uint64_t number = ++last_number_;
  asked_[number].question = node_question_of(step.a, (step.b & kAsksViews) != 0);
  asked_[number].is_live = (step.b & ~kAsksViews) != 0;
  ask(number);
}

void SimNodeQuestions::ask_all_once() {
  std::vector<Question> questions;
  for (const auto& [number, asked] : asked_) {
    if (asked.is_live && !asked.is_refused) questions.push_back(asked.question);
  }
  for (const Question& question : questions) {
    const uint64_t number = ++last_number_;
    asked_[number].question = question;
    asked_[number].is_final = true;
    ask(number);
  }
}

void SimNodeQuestions::ask(uint64_t number) {
  const Asked& asked = asked_.at(number);
  Bytes payload;
  ByteWriter out(payload);
  out.varint(number);
  out.u8(asked.is_live ? 1 : 0);
  out.blob(as_bytes(relation_name(asked.question.over)));
  out.raw(encode_query(query_of(asked.question)));
  if (run_(Command::AskNode, payload) != 0) fail(asked.question, "the client refuses it");
}

void SimNodeQuestions::drop(uint64_t number) {
  const Asked asked = std::move(asked_.at(number));
  asked_.erase(number);
  Bytes payload;
  ByteWriter(payload).varint(number);
  if (run_(Command::EndAsk, payload) != 0) fail(asked.question, "it cannot be ended");
}

// --- what the engine tells ---

SimNodeQuestions::Side SimNodeQuestions::read_side(const Question& question, ByteReader& in) {
  Side side;
  side.is_there = true;
  side.key = as_text(in.blob(kKeyBytesMax));
  side.value = to_bytes(in.blob(kValueBytesDefault));
  if (in.ok() && question.has_records()) checker_.seen(open_maps()[0].ref, side.key, side.value);
  return side;
}

SimNodeQuestions::Row SimNodeQuestions::read_row(const Question& question, ByteReader& in) {
  if (question.partner == Partner::None) return {read_side(question, in)};
  Row row(2);
  for (Side& side : row) {
    if (in.u8() != kAbsent) side = read_side(question, in);
  }
  return row;
}

void SimNodeQuestions::read_answer(Asked& asked, ByteReader& in) {
  const Question& question = asked.question;
  const bool is_joined = question.partner != Partner::None;
  const uint8_t expected = question.is_grouped() ? kGroups : is_joined ? kCombinations : kRecords;
  if (in.u8() != expected) in.fail(Error::Malformed);
  if (expected == kCombinations && in.varint() != 2) in.fail(Error::Malformed);
  asked.rows.clear();
  asked.groups.clear();
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    if (!question.is_grouped()) {
      asked.rows.push_back(read_row(question, in));
      continue;
    }
    std::string key(as_text(in.blob(in.remaining())));
    asked.groups[std::move(key)] = to_bytes(in.blob(in.remaining()));
  }
  in.blob(in.remaining());
  if (!in.ok() || !in.at_end()) return fail(question, "the answer cannot be read");
  check_shape(asked);
}

void SimNodeQuestions::on_answer(ByteView payload) {
  digest_ = absorb64(digest_, hash64(payload));
  ByteReader in(payload);
  const auto found = asked_.find(in.varint());
  if (found == asked_.end()) return checker_.fail(Invariant::LiveIsTrue, "nobody asked this");
  Asked& asked = found->second;
  TG_SOMETIMES(asked.is_live && asked.is_answered, NodeAnswersAnew);
  asked.is_answered = true;
  read_answer(asked, in);
  // What was asked once while others write is compared with itself alone.
  if (!asked.is_live && !asked.is_final) asked_.erase(found);
}

void SimNodeQuestions::on_steps(ByteView payload) {
  digest_ = absorb64(digest_, hash64(payload));
  ByteReader in(payload);
  const auto found = asked_.find(in.varint());
  if (found == asked_.end()) return checker_.fail(Invariant::LiveIsTrue, "nobody follows this");
  Asked& asked = found->second;
  if (!asked.is_live || !asked.is_answered) fail(asked.question, "steps come before the answer");
  take_steps(asked, in);
}

void SimNodeQuestions::take_steps(Asked& asked, ByteReader& in) {
  bool fits = true;
  for (uint64_t left = in.varint(); left > 0 && in.ok() && fits; --left) {
    fits = asked.question.is_grouped() ? take_group_step(asked, in) : take_row_step(asked, in);
  }
  if (!fits) return fail(asked.question, "a step does not fit the answer");
  if (!in.ok() || !in.at_end()) return fail(asked.question, "the steps cannot be read");
  check_shape(asked);
}

bool SimNodeQuestions::take_row_step(Asked& asked, ByteReader& in) {
  const uint8_t kind = in.u8();
  const auto from = static_cast<size_t>(in.varint());
  const auto to = static_cast<size_t>(in.varint());
  std::vector<Row>& rows = asked.rows;
  const bool takes_out = kind == kMove || kind == kLeave;
  if (!in.ok() || kind > kLeave || (takes_out && from >= rows.size())) return false;
  if (takes_out) rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(from));
  if (kind == kLeave) return true;
  if (in.u8() != 1 || to >= rows.size() + (kind == kUpdate ? 0 : 1)) return false;
  Row row = read_row(asked.question, in);
  if (kind != kUpdate) rows.insert(rows.begin() + static_cast<std::ptrdiff_t>(to), Row());
  rows[to] = std::move(row);
  return true;
}

bool SimNodeQuestions::take_group_step(Asked& asked, ByteReader& in) {
  const uint8_t kind = in.u8();
  std::string key(as_text(in.blob(in.remaining())));
  Bytes group = to_bytes(in.blob(in.remaining()));
  const bool was_there = asked.groups.erase(key) != 0;
  if (!in.ok() || kind > kGroupLeaves || was_there != (kind != kEnter)) return false;
  if (kind != kGroupLeaves) asked.groups[std::move(key)] = std::move(group);
  return true;
}

void SimNodeQuestions::on_failed(ByteView payload) {
  digest_ = absorb64(digest_, hash64(payload));
  ByteReader in(payload);
  const auto found = asked_.find(in.varint());
  if (found == asked_.end()) return;
  const uint16_t error = in.u16();
  const bool is_refused = error == static_cast<uint16_t>(Error::UnknownMessage);
  TG_SOMETIMES(is_refused, NodeAnswersNone);
  if (!is_refused) fail(found->second.question, "failed with " + std::to_string(error));
  found->second.is_refused = true;
  // Whoever starts again asks again; the node may have changed.
  if (!found->second.is_live) asked_.erase(found);
}

// --- comparisons ---

void SimNodeQuestions::check_shape(const Asked& asked) {
  checker_.count_check(invariant_of(asked.question));
  // Which partner a row has, and how many there are of a group, its own rows do not tell.
  if (asked.question.is_grouped() || asked.question.partner != Partner::None) return;
  if (!asked.question.has_records()) return;
  Shown shown;
  for (const Row& row : asked.rows) shown[row[0].key] = read_record(row[0].value);
  std::vector<std::vector<const Shown::value_type*>> told;
  for (const Row& row : asked.rows) told.push_back({&*shown.find(row[0].key)});
  Question question = asked.question;
  question.offset = 0;
  // Which records a view has depends on others.
  question.over = Relation::Notes;
  if (are_equal(question, naive_rows(question, shown), told)) return;
  fail(asked.question, "rows that do not fit, twice, too many or out of order");
}

void SimNodeQuestions::check_view(const Asked& asked, const Shown& of_node) {
  std::vector<Bytes> expected = naive_node_view(asked.question.over, of_node);
  std::vector<Bytes> told;
  for (const Row& row : asked.rows) told.push_back(row[0].value);
  stable_sort(expected, std::less<>());
  stable_sort(told, std::less<>());
  if (told != expected) fail(asked.question, "has other values than the node's records make");
}

void SimNodeQuestions::check_quiet(const Shown& of_node, bool with_final) {
  for (const auto& [number, asked] : asked_) {
    if (asked.is_refused || (asked.is_final && !with_final)) continue;
    checker_.count_check(invariant_of(asked.question));
    if (!asked.is_answered) return fail(asked.question, "no answer, although all is quiet");
    const std::string how = asked.is_live ? "followed" : "asked once";
    if (asked.question.is_grouped()) {
      const std::vector<Bytes> expected = naive_groups(asked.question, of_node);
      std::multimap<Bytes, bool> groups;
      for (const auto& [key, group] : asked.groups) groups.emplace(group, true);
      bool is_equal = expected.size() == groups.size();
      for (const Bytes& group : expected) is_equal = is_equal && groups.count(group) == 1;
      if (!is_equal) return fail(asked.question, how + ", has other groups than the node");
      continue;
    }
    if (!asked.question.has_records()) {
      check_view(asked, of_node);
      continue;
    }
    const std::vector<NaiveRow> expected = naive_rows(asked.question, of_node);
    bool is_equal = expected.size() == asked.rows.size();
    for (size_t i = 0; is_equal && i < expected.size(); ++i) {
      for (size_t side = 0; side < asked.rows[i].size(); ++side) {
        const Shown::value_type* const entry = expected[i].sides[side];
        const Side& told = asked.rows[i][side];
        const bool is_same = entry == nullptr ? !told.is_there
                                              : told.is_there && told.key == entry->first &&
                                                    told.value == entry->second.value;
        is_equal = is_equal && is_same;
      }
    }
    if (!is_equal) {
      return fail(asked.question, how + ", has " + std::to_string(asked.rows.size()) +
                                      " rows, not the " + std::to_string(expected.size()) +
                                      " that the node's records make");
    }
  }
}

}  // namespace topgun::sim
