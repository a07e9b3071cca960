#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/sim/scenario.hpp"
#include "core/sim/sim_client_queries.hpp"
#include "core/sim/sim_query.hpp"

namespace topgun::sim {

class InvariantChecker;

/// Adds steps in which applications ask the node, to half of the small scenarios and a quarter of
/// the others. Takes draws of its own.
void add_node_questions(Scenario& scenario);

/// An application that asks the node and not its own records (docs/protocol.md, Queries). Keeps
/// live answers by the steps that come, as browsers do.
///
/// While things go wrong, an answer must be an answer to its question: rows that somebody wrote,
/// each once, that fit the condition, in order and within the limit; steps must fit what they
/// change. Once all is quiet, answers must be what `naive_rows` and `naive_groups` find among the
/// node's records (I11).
///
/// What is followed outlives the process: a tab that starts again asks for the same.
class SimNodeQuestions {
 public:
  /// Runs a command in a turn of its own, and gives the error back.
  using Run = std::function<uint16_t(client::Command, ByteView payload)>;

  SimNodeQuestions(uint32_t client, InvariantChecker& checker, Run run)
      : client_(client), checker_(checker), run_(std::move(run)) {}

  // --- the life of the process ---

  void restart();
  void stop();

  // --- what the application does ---

  void carry_out(const Step& step);
  /// Asks each question that is followed once more, without following it.
  void ask_all_once();

  // --- what the engine tells ---

  void on_answer(ByteView payload);
  void on_steps(ByteView payload);
  void on_failed(ByteView payload);

  /// All is quiet, and these are the node's records: compares live answers, and what was asked by
  /// `ask_all_once` if nothing changed since.
  void check_quiet(const Shown& of_node, bool with_final);
  /// How many questions wait or are followed, each of which may cause frames.
  size_t size() const { return asked_.size(); }
  /// Of everything that was ever told.
  uint64_t digest() const { return digest_; }

 private:
  struct Side {
    bool is_there = false;
    std::string key;
    Bytes value;
  };
  using Row = std::vector<Side>;
  struct Asked {
    Question question;
    bool is_live = false;
    bool is_answered = false;
    bool is_refused = false;  ///< By a node that answers no questions.
    bool is_final = false;    ///< Asked once, when nobody wrote any more.
    std::vector<Row> rows;
    std::map<std::string, Bytes> groups;
  };

  void ask(uint64_t number);
  void drop(uint64_t number);
  void read_answer(Asked& asked, ByteReader& in);
  void take_steps(Asked& asked, ByteReader& in);
  bool take_row_step(Asked& asked, ByteReader& in);
  bool take_group_step(Asked& asked, ByteReader& in);
  Side read_side(const Question& question, ByteReader& in);
  Row read_row(const Question& question, ByteReader& in);
  /// What the rows of an answer alone tell about it.
  void check_shape(const Asked& asked);
  void check_view(const Asked& asked, const Shown& of_node);
  void fail(const Question& question, std::string_view what);

  const uint32_t client_;
  InvariantChecker& checker_;
  const Run run_;
  std::map<uint64_t, Asked> asked_;
  uint64_t last_number_ = 0;
  uint64_t digest_ = 0;
};

}  // namespace topgun::sim
