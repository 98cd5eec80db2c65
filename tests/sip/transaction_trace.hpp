// Runs one transaction machine in virtual time and writes down all it asks for, with the
// milliseconds: "0:send 500:resend 700:deliver 5700:end ".
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sip/transaction.hpp"

namespace sip::trace {

struct Step {
  enum class Kind { response, request, ack, respond, error };
  std::chrono::milliseconds at;
  Kind kind;
  int status = 0;
};

inline Step response(std::chrono::milliseconds at, int status) {
  return {at, Step::Kind::response, status};
}
inline Step respond(std::chrono::milliseconds at, int status) {
  return {at, Step::Kind::respond, status};
}
inline Step request(std::chrono::milliseconds at) {
  return {at, Step::Kind::request};
}
inline Step ack(std::chrono::milliseconds at) {
  return {at, Step::Kind::ack};
}
inline Step error(std::chrono::milliseconds at) {
  return {at, Step::Kind::error};
}

struct Case {
  const char* name;
  Reliability reliability;
  std::vector<Step> steps;
  const char* trace;
};

inline const char* to_string(Action action) {
  switch (action) {
    case Action::send:
      return "send";
    case Action::resend:
      return "resend";
    case Action::acknowledge:
      return "ack";
    case Action::trying:
      return "trying";
    case Action::deliver:
      return "deliver";
    case Action::timeout:
      return "timeout";
    case Action::transport_error:
      return "error";
  }
  return "?";
}

template <class Machine>
void apply(Machine& machine, const Step& step, TimePoint now, Actions& out) {
  using enum Step::Kind;
  if constexpr (requires { machine.on_response(1, now, out); }) {
    if (step.kind == response) machine.on_response(step.status, now, out);
  }
  if constexpr (requires { machine.on_request(out); }) {
    if (step.kind == request) machine.on_request(out);
  }
  if constexpr (requires { machine.on_ack(now, out); }) {
    if (step.kind == ack) machine.on_ack(now, out);
  }
  if constexpr (requires { machine.respond(1, now, out); }) {
    if (step.kind == respond) machine.respond(step.status, now, out);
  }
  if (step.kind == error) machine.on_transport_error(out);
}

// Jumps from one due thing to the next until all steps are done and no timer runs.
template <class Machine>
std::string run(const Case& c, const Timers& timers = {}) {
  const TimePoint start{};
  Machine machine(timers, c.reliability);
  Actions actions;
  std::string trace;
  bool ended = false;
  auto record = [&](TimePoint now) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - start).count();
    const auto at = std::to_string(ms) + ":";
    for (const auto action : actions) trace += at + to_string(action) + " ";
    actions.clear();
    if (machine.terminated() && !ended) trace += at + "end ";
    ended = machine.terminated();
  };
  if constexpr (requires { machine.start(start, actions); }) machine.start(start, actions);
  if constexpr (requires { machine.start(start); }) machine.start(start);
  record(start);
  auto step = c.steps.begin();
  while (step != c.steps.end() || machine.next_deadline() != never) {
    TimePoint now = machine.next_deadline();
    if (step != c.steps.end() && start + step->at <= now) {
      now = start + step->at;
      apply(machine, *step++, now, actions);
    } else {
      machine.on_deadline(now, actions);
    }
    record(now);
  }
  return trace;
}

}  // namespace sip::trace
