#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/base/prng.hpp"
#include "core/client/engine_codes.hpp"
#include "core/sim/scenario.hpp"
#include "core/sim/sim_query.hpp"

namespace topgun::sim {

class InvariantChecker;

/// What an engine answers to a command.
struct CommandAnswer {
  uint16_t error = 0;
  Bytes payload;
};

/// A command, and what is done with its answer before the events that follow it are taken.
struct CommandRequest {
  client::Command code = client::Command::Tick;
  Bytes payload;
  std::function<void(const CommandAnswer&)> then;
};

/// An application that asks: the host's side of a client's queries. Keeps live answers by the steps
/// that the engine tells, as browsers do, and compares them with the answer to the same question
/// asked once and with what `naive_rows` and `naive_groups` find among the entries that the client
/// shows (I11); views with what they are defined as (I12).
///
/// What was wished for outlives the process: a tab that starts again asks for the same.
class SimClientQueries {
 public:
  struct Options {
    uint32_t client = 0;
    uint64_t seed = 0;
  };
  /// Runs a command in a turn of its own, or together with the write that comes next.
  using Run = std::function<void(const CommandRequest&)>;

  SimClientQueries(const Options& options, InvariantChecker& checker, Run run);

  // --- the life of the process ---

  /// The maps are open: declares and asks for what was wished.
  void restart();
  /// The process died.
  void stop();

  // --- what the application does ---

  /// Carries out a step, which is not a fault and about queries. `is_online` for the record.
  void carry_out(const Step& step, bool is_online);

  // --- what the client shows ---

  /// An entry as the application sees it from now on; expiring ones as well.
  void show(const std::string& key, ByteView value) { change(key, read_record(value)); }
  void hide(const std::string& key);

  void on_rows(ByteView payload, client::Command turn);
  void on_groups(ByteView payload);
  /// A turn has ended and its events were taken: now and then compares with what is shown.
  void end_turn();

  /// Compares all live answers with what is shown, one of them (all if `thorough`) and the views
  /// with answers asked for now.
  void check(bool thorough);
  bool has_live() const { return !live_.empty(); }
  /// Of everything that live queries were ever told.
  uint64_t digest() const { return digest_; }

 private:
  struct Side {
    bool is_there = false;
    std::string key;
    Bytes value;  ///< As it was when the engine last spoke of the row.
    friend bool operator==(const Side&, const Side&) = default;
  };
  using Row = std::vector<Side>;
  struct Live {
    Question question;
    bool is_running = false;
    bool is_new = false;  ///< Since this turn.
    std::vector<Row> rows;
    std::map<std::string, Bytes> groups;
    std::set<std::string> left;  ///< Groups that once went.
  };
  struct StepOfRows {
    uint8_t kind = 0;
    size_t from = 0;
    size_t to = 0;
    Row row;
  };

  void change(const std::string& key, ShownRecord record);
  void define(Relation view);
  void drop(Relation view);
  void declare(size_t index);
  void subscribe(uint64_t number);
  void unsubscribe(uint64_t number);
  void ask(const Question& question, bool scans, bool pages);
  Question resolve(Question question) const;
  bool is_defined(Relation relation) const;

  Bytes query_bytes(const Question& question, bool scans, ByteView after) const;
  bool read_answer(const Question& question, ByteView payload, Live& answer, Bytes& cursor);
  Row read_told_row(const Question& question, ByteReader& in);
  Row read_row(const Question& question, ByteReader& in) const;
  Side read_side(ByteReader& in, bool has_value) const;
  void look_up_values(Live& live) const;
  void take_step(Live& live, const StepOfRows& step);

  void compare(const Live& answer, std::string_view how);
  void compare_rows(const Live& answer, std::string_view how);
  void check_view(Relation view);
  void fail(const Question& question, std::string_view what);
  std::string name() const { return "client " + std::to_string(options_.client); }

  const Options options_;
  InvariantChecker& checker_;
  const Run run_;
  const Prng draws_;

  Shown shown_;
  std::map<uint64_t, std::string> known_;  ///< Keys of rows, as answers told them.
  std::map<uint64_t, Live> live_;          ///< By the number of the subscription.
  uint64_t last_number_ = 0;
  bool is_defined_[kRelationCount] = {};
  bool is_declared_[kIndexCount] = {};
  uint64_t digest_ = 0;
  uint64_t turns_ = 0;
  uint64_t questions_ = 0;
  bool has_changed_ = false;  ///< Since the last comparison.
};

}  // namespace topgun::sim
