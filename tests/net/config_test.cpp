#include "host-native/server/config.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "host-native/server/indexes.hpp"
#include "host-native/server/partitions.hpp"
#include "host-native/server/views.hpp"

namespace topgun::host {
namespace {

using Variables = std::map<std::string, std::string>;

ConfigOutcome read(const std::vector<std::string>& arguments, const Variables& variables = {}) {
  return read_config(arguments, [&variables](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

/// A configuration file that ends with the test.
struct ConfigFile {
  explicit ConfigFile(const std::string& text) {
    const int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    close(fd);
    std::ofstream(path) << text;
  }
  ~ConfigFile() { unlink(path); }
  char path[32] = "/tmp/topgun-config-XXXXXX";
};

TEST_CASE("config: the command line wins over the environment, and that over the file") {
  const ConfigFile file("# comment\n\nport = 1\nshards = 3\nlog-level = warn\nmemory = true\n");
  const auto outcome = read({"--config", file.path, "--no-auth", "--port=3"},
                            {{"TOPGUN_PORT", "2"}, {"TOPGUN_SHARDS", "4"}});
  REQUIRE_MESSAGE(outcome.config.has_value(), outcome.error);
  CHECK(outcome.config->port == 3);
  CHECK(outcome.config->shards == 4);
  CHECK(outcome.config->log_level == LogLevel::Warn);
}

TEST_CASE("config: a list from a higher source replaces the whole list") {
  const ConfigFile file("allow-origin = a\nallow-origin = b\n");
  const auto from_file = read({"--memory", "--no-auth", "--config", file.path});
  REQUIRE(from_file.config);
  CHECK(from_file.config->origins == std::vector<std::string>{"a", "b"});
  const auto from_variable =
      read({"--memory", "--no-auth", "--config", file.path}, {{"TOPGUN_ALLOW_ORIGIN", "c, d"}});
  REQUIRE(from_variable.config);
  CHECK(from_variable.config->origins == std::vector<std::string>{"c", "d"});
}

TEST_CASE("config: indexes are told apart from their maps, and wrong ones are named") {
  const auto config = read({"--memory", "--no-auth", "--index", "orders:city,-createdAt", "--index",
                            "shop:orders:hash:owner.id"});
  REQUIRE(config.config);
  std::vector<node::NodeIndex> indexes;
  CHECK(parse_indexes(config.config->indexes, indexes).empty());
  REQUIRE(indexes.size() == 2);
  CHECK(indexes[0].map == "orders");
  CHECK(indexes[1].map == "shop:orders");
  for (const char* wrong : {"orders", ":city", "orders:", "orders:city,,", "orders:city.."}) {
    CAPTURE(wrong);
    std::vector<node::NodeIndex> none;
    const std::vector<std::string> texts{wrong};
    CHECK(parse_indexes(texts, none).find(wrong) != std::string::npos);
  }
  const std::vector<std::string> twice{"orders:city", "orders:city"};
  CHECK_FALSE(parse_indexes(twice, indexes).empty());
}

TEST_CASE("config: partition keys name a map, a field and what ends it in keys") {
  std::vector<PartitionKey> keys;
  const std::vector<std::string> texts{"orders=tenant", "shop=people=owner.id:"};
  REQUIRE(parse_partitions(texts, keys).empty());
  CHECK(keys[0].map == "orders");
  CHECK(keys[0].separator == '/');
  CHECK(keys[1].map == "shop=people");
  CHECK(keys[1].field == std::vector<std::string>{"owner", "id"});
  CHECK(keys[1].separator == ':');
  for (const char* wrong : {"orders", "=tenant", "orders=", "orders=/", "orders=a,b", "orders=$key",
                            "orders=a..b", "orders=-a", "$topgun.replicas=a"}) {
    CAPTURE(wrong);
    std::vector<PartitionKey> none;
    const std::vector<std::string> one{wrong};
    CHECK(parse_partitions(one, none).find(wrong) != std::string::npos);
  }
  const std::vector<std::string> twice{"orders=a", "orders=b"};
  keys.clear();
  CHECK_FALSE(parse_partitions(twice, keys).empty());
}

TEST_CASE("config: views are read from all three places, and wrong ones are named") {
  const std::string by_city =
      R"({"name":"by city","from":"orders","groupBy":["city"],"aggregate":{"n":"count","sum":{"sum":"total"}}})";
  const std::string open =
      R"({"name":"open","from":"orders","where":{"state":"open, {new}","total":{"$gt":5}},"limit":3})";
  const ConfigFile file("view = " + by_city + "\nview = " + open + "\n");
  const auto from_file = read({"--memory", "--no-auth", "--config", file.path});
  REQUIRE(from_file.config);
  const auto from_variable =
      read({"--memory", "--no-auth"}, {{"TOPGUN_VIEW", by_city + ", " + open}});
  REQUIRE(from_variable.config);
  CHECK(from_variable.config->views == from_file.config->views);
  std::vector<node::NodeView> views;
  CHECK(parse_views(from_file.config->views, views).empty());
  REQUIRE(views.size() == 2);
  CHECK(views[0].name == "by city");
  CHECK(views[0].map == "orders");
  CHECK(views[0].fields == std::vector<std::string>{"city", "n", "sum"});
  CHECK(views[1].fields.empty());
  for (const char* wrong :
       {"by city", R"({"from":"orders"})", R"({"name":"v"})",
        R"({"name":"v","from":"m","were":{}})",
        R"({"name":"v","from":"m","where":{"a":{"$gt":1,"$grt":1}}})",
        R"({"name":"v","from":"m","where":{"$nor":[]}})", R"({"name":"v","from":"v"})",
        R"({"name":"v","from":"m","groupBy":["a.b"]})",
        R"({"name":"v","from":"m","groupBy":["a"],"limit":1})",
        R"({"name":"v","from":"m","aggregate":{"n":{"median":"a"}}})",
        R"({"name":"v","from":"m","join":[{"map":"n","on":{"a":"$key"}}]})",
        R"({"name":"v","from":"m","join":[{"map":"n"}],"select":["a"]})",
        R"({"name":"$topgun.v","from":"m"})"}) {
    CAPTURE(wrong);
    std::vector<node::NodeView> none;
    const std::vector<std::string> texts{wrong};
    CHECK_FALSE(parse_views(texts, none).empty());
  }
}

TEST_CASE("config: where the data lives is one choice, made by the highest source") {
  const ConfigFile file("data = /somewhere\n");
  const auto in_memory = read({"--memory", "--no-auth", "--config", file.path});
  REQUIRE(in_memory.config);
  CHECK_FALSE(in_memory.config->data_directory.has_value());
  const auto on_disk = read({"--data", "/elsewhere", "--no-auth"}, {{"TOPGUN_MEMORY", "true"}});
  REQUIRE(on_disk.config);
  CHECK(on_disk.config->data_directory == "/elsewhere");
}

TEST_CASE("config: every mistake is named") {
  struct Case {
    std::vector<std::string> arguments;
    const char* mentions;
  };
  const Case cases[] = {
      {{"--no-auth"}, "--data DIR"},
      {{"--memory", "--data", "d", "--no-auth"}, "--data DIR"},
      {{"--memory"}, "--jwt-key"},
      {{"--memory", "--no-auth", "--prot", "1"}, "'--prot'"},
      {{"--memory", "--no-auth", "stray"}, "'stray'"},
      {{"--memory", "--no-auth", "--port"}, "needs a value"},
      {{"--memory", "--no-auth", "--port", "65536"}, "0 to 65535"},
      {{"--memory", "--no-auth", "--port", "-1"}, "'-1'"},
      {{"--memory", "--no-auth", "--port", "1x"}, "'1x'"},
      {{"--memory", "--no-auth", "--port", "1", "--port", "2"}, "twice"},
      {{"--memory", "--no-auth", "--log-level", "loud"}, "debug, info"},
      {{"--memory", "--no-auth=perhaps"}, "true or false"},
      {{"--memory", "--no-auth", "--host", "0.0.0.0"}, "--no-auth=force"},
      {{"--memory", "--no-auth", "--jwt-key", "a:HS256:f"}, "contradict"},
      {{"--memory", "--jwt-key", "a:none:f"}, "HS256, RS256"},
      {{"--memory", "--jwt-key", "a"}, "KEYID:ALGORITHM:PATH"},
      {{"--memory", "--no-auth", "--tls-cert", "c"}, "belong together"},
      {{"--memory", "--no-auth", "--config", "/nowhere"}, "'/nowhere'"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.mentions);
    const auto outcome = read(c.arguments);
    CHECK_FALSE(outcome.config.has_value());
    CAPTURE(outcome.error);
    CHECK(outcome.error.find(c.mentions) != std::string::npos);
  }
  const auto variable = read({"--memory", "--no-auth"}, {{"TOPGUN_PORT", "x"}});
  CHECK(variable.error.find("TOPGUN_PORT") != std::string::npos);
  const ConfigFile file("memory = true\nno-such = 1\n");
  const auto line = read({"--no-auth", "--config", file.path});
  CHECK(line.error.find(std::string(file.path) + ":2") != std::string::npos);
}

TEST_CASE("config: --no-auth on a public address must be forced") {
  const auto forced = read({"--memory", "--no-auth=force", "--host", "0.0.0.0"});
  REQUIRE(forced.config);
  CHECK(forced.config->auth == AuthMode::OffForced);
  const auto with_key = read({"--memory", "--host", "0.0.0.0", "--jwt-key", "k:EdDSA:a:b.pem"});
  REQUIRE(with_key.config);
  CHECK(with_key.config->jwt_keys[0].path == "a:b.pem");
}

TEST_CASE("config: static directories may stand below a prefix") {
  const auto outcome =
      read({"--memory", "--no-auth", "--static", "site", "--static", "/dist=build/dist"});
  REQUIRE(outcome.config);
  CHECK(outcome.config->mounts[0].prefix == "/");
  CHECK(outcome.config->mounts[1].prefix == "/dist/");
  CHECK(outcome.config->mounts[1].directory == "build/dist");
}

TEST_CASE("config: limits are set by their names") {
  const auto outcome = read({"--memory", "--no-auth", "--frame-bytes-max", "2097152",
                             "--idle-timeout-ms=1234", "--connections-max=7"});
  REQUIRE(outcome.config);
  CHECK(outcome.config->limits.frame_bytes_max == 2'097'152);
  CHECK(outcome.config->limits.idle_timeout_ms == 1234);
  CHECK(outcome.config->net.connections_max == 7);
}

TEST_CASE("config: a frame has room for the largest operation") {
  CHECK(read({"--memory", "--no-auth", "--frame-bytes-max", "786432"}).config);
  CHECK_FALSE(read({"--memory", "--no-auth", "--frame-bytes-max", "786431"}).config);
}

}  // namespace
}  // namespace topgun::host
