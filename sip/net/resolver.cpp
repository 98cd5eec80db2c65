#include "sip/net/resolver.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <utility>
#include <vector>

#include "sip/net/dns_channel.hpp"

namespace asio = boost::asio;

namespace sip::net {
namespace {

// One URI on its way through the DNS.
struct LookingUp {
  LookingUp(asio::io_context& io, const Uri& uri, const ResolutionPolicy& policy, Random& random,
            Resolver::Done to)
      : resolution(uri, policy, random), done(std::move(to)), timer(io) {}

  Resolution resolution;
  Resolver::Done done;  // empty: has been called
  asio::steady_timer timer;
  std::vector<DnsAnswer> answers;
  std::size_t missing = 0;
  bool asking = false;
};
using LookingUpPtr = std::shared_ptr<LookingUp>;

struct Kept {
  DnsAnswer answer;
  TimePoint until;
};
struct Waiting {
  LookingUpPtr lookup;
  std::size_t index;
};

}  // namespace

struct Resolver::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& context, ResolverConfig given, const Seed& seed)
      : io(context),
        config(std::move(given)),
        random(seed),
        channel(std::in_place, context, config.servers, config.try_within, config.tries) {}

  void start(const LookingUpPtr& lookup) {
    ++counters.lookups;
    ++alive;
    lookup->timer.expires_after(config.lookup_within);
    lookup->timer.async_wait([weak = weak_from_this(), lookup](boost::system::error_code ec) {
      const auto self = weak.lock();
      if (ec || !self || !self->channel || !lookup->done) return;
      ++self->counters.timeouts;
      self->finish(lookup);
    });
    advance(lookup);
  }
  // Round after round, until one must wait.
  void advance(const LookingUpPtr& lookup) {
    while (lookup->done && !lookup->resolution.questions().empty()) {
      const auto questions = lookup->resolution.questions();
      lookup->answers.assign(questions.size(), {});
      lookup->missing = questions.size();
      lookup->asking = true;
      for (std::size_t i = 0; i < questions.size(); ++i) ask(questions[i], {lookup, i});
      lookup->asking = false;
      if (lookup->missing != 0) return;
      lookup->resolution.answer(lookup->answers);
    }
    finish(lookup);
  }
  void ask(const DnsQuestion& question, Waiting waiting) {
    const auto known = cache.find(question);
    if (known != cache.end() && known->second.until > Clock::now()) {
      ++counters.cached;
      return take(waiting, known->second.answer);
    }
    auto& others = asked[question];
    others.push_back(std::move(waiting));
    if (others.size() > 1) return;  // one query for all
    ++counters.queries;
    channel->ask(question, [this, question](DnsChannel::Outcome outcome, DnsAnswer answer) {
      on_answer(question, outcome, std::move(answer));
    });
  }
  void on_answer(const DnsQuestion& question, DnsChannel::Outcome outcome, DnsAnswer answer) {
    if (outcome == DnsChannel::Outcome::failed) ++counters.failures;
    keep(question, outcome, answer);
    const auto found = asked.find(question);
    const auto waiting = std::move(found->second);
    asked.erase(found);
    const auto self = shared_from_this();  // who is told may end the resolver
    for (const auto& one : waiting) {
      take(one, answer);
      if (channel && one.lookup->done && one.lookup->missing == 0 && !one.lookup->asking) {
        one.lookup->resolution.answer(one.lookup->answers);
        advance(one.lookup);
      }
    }
  }
  void keep(const DnsQuestion& question, DnsChannel::Outcome outcome, const DnsAnswer& answer) {
    auto time = std::min(answer.ttl, config.longest_kept);
    if (outcome == DnsChannel::Outcome::absent) time = config.kept_absent;
    if (outcome == DnsChannel::Outcome::failed) time = config.kept_failed;
    const auto now = Clock::now();
    if (cache.size() >= config.cached_answers)
      std::erase_if(cache, [now](const auto& entry) { return entry.second.until <= now; });
    if (cache.size() >= config.cached_answers) cache.erase(cache.begin());
    cache[question] = {answer, now + time};
  }
  static void take(const Waiting& waiting, const DnsAnswer& answer) {
    waiting.lookup->answers[waiting.index] = answer;
    --waiting.lookup->missing;
  }
  void finish(const LookingUpPtr& lookup) {
    const auto done = std::exchange(lookup->done, nullptr);
    if (!done) return;
    --alive;
    lookup->timer.cancel();
    done(lookup->resolution);
  }

  asio::io_context& io;
  const ResolverConfig config;
  Random random;
  ResolverCounters counters;
  std::map<DnsQuestion, Kept> cache;
  std::map<DnsQuestion, std::vector<Waiting>> asked;
  std::size_t alive = 0;
  std::optional<DnsChannel> channel;  // last: its end calls nobody
};

Resolver::Resolver(asio::io_context& io, ResolverConfig config, const Seed& seed)
    : impl_(std::make_shared<Impl>(io, std::move(config), seed)) {}

Resolver::~Resolver() {
  for (auto& [question, waiting] : impl_->asked)
    for (auto& one : waiting) {
      one.lookup->done = nullptr;
      one.lookup->timer.cancel();
    }
  impl_->channel.reset();
}

const std::string& Resolver::fault() const {
  return impl_->channel->fault();
}
const ResolverCounters& Resolver::counters() const {
  return impl_->counters;
}

void Resolver::resolve(const Uri& uri, const ResolutionPolicy& policy, Done done) {
  auto lookup = std::make_shared<LookingUp>(impl_->io, uri, policy, impl_->random, std::move(done));
  if (lookup->resolution.questions().empty()) return lookup->done(lookup->resolution);
  if (impl_->alive >= impl_->config.lookups) {
    ++impl_->counters.refused;
    return lookup->done(lookup->resolution);
  }
  impl_->start(lookup);
}

}  // namespace sip::net
