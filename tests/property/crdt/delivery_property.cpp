#include <array>

#include "tests/support/model_map.hpp"
#include "tests/support/property.hpp"

// Strong eventual consistency: up to four operations of three replicas, in every order of delivery
// and with every repetition, give one state, and readers of that state see what the naive model
// computes from the set of operations alone.

namespace topgun {
namespace {

constexpr uint64_t kAuthors = 3;

using Operations = std::vector<OwnedOperation>;

/// Writers of one kind of map. `OwnedOperation`s are made from what `Gen` chooses; each author
/// counts its own sequence.
class Writers {
 public:
  explicit Writers(Gen& gen) : gen_(gen) {}

  Operations lww(size_t count, uint64_t times) {
    Operations operations;
    for (size_t i = 0; i < count; ++i) {
      OwnedOperation operation = next(times);
      const bool is_set = gen_.coin();
      operation.kind = is_set ? OperationKind::LwwSet : OperationKind::LwwRemove;
      // Unique, so that a stamp given twice carries two contents, as from a cloned replica.
      if (is_set) operation.payload = std::string(1, static_cast<char>('a' + i));
      operations.push_back(operation);
    }
    return operations;
  }

  /// A remove names one subset of the adds issued before it; its author need not have written them.
  Operations or_map(size_t count) {
    Operations operations;
    std::vector<OperationId> added;
    for (size_t i = 0; i < count; ++i) {
      OwnedOperation operation = next(1);
      if (added.empty() || gen_.coin()) {
        operation.kind = OperationKind::OrAdd;
        operation.payload = "v";  // Equal values, told apart by their tags alone.
        added.push_back({operation.author, operation.sequence});
      } else {
        operation.kind = OperationKind::OrRemove;
        const uint64_t subset = 1 + gen_.below((uint64_t{1} << added.size()) - 1);
        std::vector<OperationId> observed;
        for (size_t tag = 0; tag < added.size(); ++tag) {
          if ((subset >> tag & 1) != 0) observed.push_back(added[tag]);
        }
        operation.payload = or_remove_payload(observed);
      }
      operations.push_back(operation);
    }
    return operations;
  }

  Operations counter(size_t count) {
    Operations operations;
    std::array<CounterTotals, kAuthors + 1> totals{};
    for (size_t i = 0; i < count; ++i) {
      OwnedOperation operation = next(1);
      operation.kind = OperationKind::CounterAdd;
      // An author's clock moves with its own operations.
      operation.time = operation.sequence;
      CounterTotals& own = totals[operation.author.value];
      (gen_.coin() ? own.negative : own.positive) += uint64_t{1} << (8 * (i % 8));
      operation.payload = counter_add_payload(own);
      operations.push_back(operation);
    }
    return operations;
  }

 private:
  OwnedOperation next(uint64_t times) {
    OwnedOperation operation;
    operation.author = {1 + gen_.below(kAuthors)};
    operation.sequence = ++sequences_[operation.author.value];
    operation.time = stamp_time(1 + gen_.below(times), 0);
    operation.key = "k";
    return operation;
  }

  Gen& gen_;
  std::array<uint64_t, kAuthors + 1> sequences_{};
};

/// What a replica is delivered: all operations in some order, and one of them (or none) once more
/// at some place.
Operations delivery(Gen& gen, Operations operations) {
  gen.shuffle(std::span(operations));
  const uint64_t again = gen.below(operations.size() + 1);
  if (again == 0) return operations;
  const OwnedOperation repeated = operations[static_cast<size_t>(again - 1)];
  // Behind its first delivery: in front of it would be the same order once more.
  const uint64_t behind = gen.below(operations.size() - again + 1);
  operations.insert(operations.begin() + static_cast<std::ptrdiff_t>(again + behind), repeated);
  return operations;
}

template <typename Read, typename Model>
void check_delivery(Gen& gen, MapKind kind, const Operations& issued, Read read, Model model) {
  TableReplica in_order(kind), other(kind);
  for (const OwnedOperation& operation : issued) in_order.apply(operation);
  for (const OwnedOperation& operation : delivery(gen, issued)) other.apply(operation);
  const bool agree =
      in_order.table.root() == other.table.root() && in_order.table.size() == other.table.size();
  CHECK(agree);
  if (!agree) CHECK(state_of(in_order.table) == state_of(other.table));
  CHECK(read(other.table) == model(issued));
}

/// Plays `body` for every sequence of choices that it makes.
template <typename Body>
void exhaust(Body body) {
  const uint64_t failed_before = failed_checks();
  ExhaustiveGen gen;
  while (gen.next_round() && failed_checks() == failed_before) body(static_cast<Gen&>(gen));
  CHECK_FALSE(gen.bounded());
  CHECK(gen.rounds() > 10000);
}

TEST_CASE("lww map: every order of three operations at tying times gives the state of the model") {
  exhaust([](Gen& gen) {
    const Operations issued = Writers(gen).lww(3, 2);
    check_delivery(gen, MapKind::Lww, issued, read_lww, [&](const Operations& delivered) {
      // Under one stamp with several contents the model has no answer; the replicas agree anyway.
      for (size_t i = 1; i < delivered.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
          const bool cloned =
              delivered[i].author == delivered[j].author && delivered[i].time == delivered[j].time;
          if (!cloned) continue;
          TableReplica replica(MapKind::Lww);
          for (const OwnedOperation& operation : delivered) replica.apply(operation);
          return read_lww(replica.table);
        }
      }
      return model_lww(delivered);
    });
  });
}

TEST_CASE("lww map: every order of four operations gives the state of the model") {
  exhaust([](Gen& gen) {
    Operations issued = Writers(gen).lww(4, 1);
    // Issued one after the other, so that stamps are unique.
    for (size_t i = 0; i < issued.size(); ++i) issued[i].time = 1 + i / 2;
    issued[1].author = {1 + issued[0].author.value % kAuthors};
    issued[3].author = {1 + issued[2].author.value % kAuthors};
    check_delivery(gen, MapKind::Lww, issued, read_lww, model_lww);
  });
}

TEST_CASE("or map: every order of four operations gives the state of the model") {
  exhaust([](Gen& gen) {
    const Operations issued = Writers(gen).or_map(4);
    check_delivery(gen, MapKind::Or, issued, read_or, model_or);
  });
}

TEST_CASE("pn counter: every order of four operations gives the state of the model") {
  exhaust([](Gen& gen) {
    const Operations issued = Writers(gen).counter(4);
    check_delivery(gen, MapKind::Counter, issued, read_counter, model_counter);
  });
}

TEST_CASE("or map: an add that a concurrent remove did not see survives it") {
  const OwnedOperation first = {{1}, OperationKind::OrAdd, 1, 10, 0, "k", "v"};
  const OwnedOperation second = {{2}, OperationKind::OrAdd, 1, 10, 0, "k", "v"};
  // Its stamp is later than both adds: what counts is what it observed.
  const OwnedOperation remove = {{1}, OperationKind::OrRemove,      2, 99, 0,
                                 "k", or_remove_payload({{{1}, 1}})};
  TableReplica replica(MapKind::Or);
  for (const OwnedOperation& operation : {second, remove, first}) replica.apply(operation);
  CHECK(read_or(replica.table) == std::map<std::string, std::multiset<std::string>>{{"k", {"v"}}});
}

TEST_CASE("every map: replicas that exchange states in any pattern agree with the model") {
  for_each_seed(5000, [](Gen& gen) {
    const MapKind kind = gen.pick({MapKind::Lww, MapKind::Or, MapKind::Counter});
    Writers writers(gen);
    const auto count = static_cast<size_t>(gen.between(1, 20));
    Operations issued = kind == MapKind::Lww  ? writers.lww(count, 1)
                        : kind == MapKind::Or ? writers.or_map(std::min<size_t>(count, 12))
                                              : writers.counter(count);
    uint64_t time = 0;
    for (OwnedOperation& operation : issued) operation.time = ++time;

    // Each operation reaches some of the replicas as an operation, the rest of them as state.
    TableReplica a(kind), b(kind), c(kind);
    TableReplica* const replicas[] = {&a, &b, &c};
    for (const OwnedOperation& operation : issued) {
      gen.pick(replicas)->apply(operation);
      if (gen.chance(1, 3)) gen.pick(replicas)->apply(operation);
      TableReplica* const from = gen.pick(replicas);
      TableReplica* const to = gen.pick(replicas);
      if (from != to) to->merge_all(*from);
    }
    b.merge_all(a);
    c.merge_all(b);
    b.merge_all(c);
    a.merge_all(b);
    CHECK(a.table.root() == b.table.root());
    CHECK(b.table.root() == c.table.root());
    CHECK(state_of(a.table) == state_of(c.table));
    if (kind == MapKind::Lww) CHECK(read_lww(a.table) == model_lww(issued));
    if (kind == MapKind::Or) CHECK(read_or(a.table) == model_or(issued));
    if (kind == MapKind::Counter) CHECK(read_counter(a.table) == model_counter(issued));
  });
}

}  // namespace
}  // namespace topgun
