#include "core/sync/run_history.hpp"

#include <doctest/doctest.h>

namespace topgun {
namespace {

// A replica that ran twice and was copied in its second run; each copy was started once more.
const RunHistory kOriginal = {true, true, {{100, 150}, {7'000, 7'020}, {90'000, 90'004}}};
const RunHistory kCopy = {true, true, {{100, 150}, {7'000, 7'010}, {300'000, 300'001}}};
const RunHistory kStillRunning = {true, true, {{100, 150}, {7'000, 7'030}}};

RunHistory without_older_runs(RunHistory history) {
  history.runs.erase(history.runs.begin());
  history.complete = false;
  return history;
}

}  // namespace

TEST_CASE("run history: it includes what its runs issued, and what is too old to be known") {
  for (const uint64_t sequence : {0, 100, 150, 7'000, 7'020, 90'004}) {
    CHECK(includes(kOriginal, sequence));
  }
  for (const uint64_t sequence : {1, 99, 151, 7'021, 300'000}) {
    CHECK_FALSE(includes(kOriginal, sequence));
  }
  CHECK(includes(without_older_runs(kOriginal), 151));
  CHECK_FALSE(includes(without_older_runs(kOriginal), 7'021));
  CHECK(includes(RunHistory{}, 12'345));
  CHECK_FALSE(includes(RunHistory{.complete = true, .runs = {}}, 12'345));
}

TEST_CASE("run history: a run is known by its first sequence, even if it issued nothing") {
  const RunHistory idle = {true, true, {{100, 99}}};
  CHECK(includes_run(idle, 100));
  CHECK_FALSE(includes(idle, 100));
  CHECK_FALSE(includes_run(kCopy, 90'000));
  CHECK(includes_run(kCopy, 0));
  CHECK(includes_run(RunHistory{}, 90'000));
}

TEST_CASE("run history: the latest stored run is the present one only once it is stored") {
  CHECK(latest_stored_run(kOriginal) == 90'000);
  RunHistory unstored = kOriginal;
  unstored.current_stored = false;
  CHECK(latest_stored_run(unstored) == 7'000);
  CHECK(latest_stored_run({true, false, {{5, 4}}}) == 0);
  CHECK(latest_stored_run({}) == 0);
}

TEST_CASE("run history: copies have in common what was issued before the copying") {
  struct Case {
    const char* name;
    RunHistory holder, other;
    uint64_t common;
  };
  const RunHistory stranger = {true, true, {{500'000, 500'100}}};
  const Case cases[] = {
      {"both were started after it", kOriginal, kCopy, 7'010},
      {"the other way round", kCopy, kOriginal, 7'010},
      {"the holder goes on in the run that was copied", kStillRunning, kCopy, 7'010},
      {"the other goes on in the run that was copied", kCopy, kStillRunning, 7'010},
      {"only the later runs are known", without_older_runs(kOriginal), kCopy, 7'010},
      {"nothing is common", kOriginal, stranger, 0},
      {"what is common may be too old", without_older_runs(kOriginal), stranger, 499'999},
      {"nothing is known", RunHistory{}, RunHistory{}, 0},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(common_until(c.holder, c.other) == c.common);
  }
}

TEST_CASE("run history: it is read as it was written") {
  for (const RunHistory& history : {kOriginal, kStillRunning, RunHistory{}}) {
    Bytes bytes;
    ByteWriter out(bytes);
    put_history(out, history);
    ByteReader in(bytes);
    CHECK(take_history(in) == history);
    CHECK((in.ok() && in.at_end()));
  }
}

}  // namespace topgun
