// Answers lines with an exported file, one line for each: predict MODEL [BEAM_SIZE] < LINES
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace {

std::vector<std::string> read_lines() {
  std::vector<std::string> lines;
  for (std::string line; std::getline(std::cin, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

Ort::Value string_tensor(const std::vector<std::string>& texts) {
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  const int64_t shape[] = {static_cast<int64_t>(texts.size())};
  Ort::AllocatorWithDefaultOptions allocator;
  Ort::Value tensor = Ort::Value::CreateTensor(allocator, shape, 1, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
  tensor.FillStringTensor(pointers.data(), pointers.size());
  return tensor;
}

std::vector<std::string> answers(Ort::Session& session, const std::vector<std::string>& texts, int64_t beam_size) {
  const Ort::MemoryInfo memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  std::vector<const char*> names{"source"};
  std::vector<Ort::Value> inputs;
  inputs.push_back(string_tensor(texts));
  if (beam_size > 0) {  // otherwise the file's default holds
    names.push_back("beam_size");
    inputs.push_back(Ort::Value::CreateTensor<int64_t>(memory, &beam_size, 1, nullptr, 0));  // a scalar
  }
  const std::array<const char*, 1> wanted{"target"};
  const std::vector<Ort::Value> outputs =
      session.Run(Ort::RunOptions{nullptr}, names.data(), inputs.data(), names.size(), wanted.data(), wanted.size());
  std::vector<std::string> found;
  for (size_t number = 0; number < texts.size(); ++number) found.push_back(outputs[0].GetStringTensorElement(number));
  return found;
}

}  // namespace

int main(int count, char** arguments) {
  const int64_t beam_size = count == 3 ? std::atoll(arguments[2]) : 0;
  if (count < 2 || count > 3 || (count == 3 && beam_size < 1)) {
    std::cerr << "usage: predict MODEL [BEAM_SIZE] < LINES\n";
    return 2;
  }
  try {
    const Ort::Env environment(ORT_LOGGING_LEVEL_FATAL);  // it warns of inputs with defaults, and prints what it throws
    Ort::Session session(environment, arguments[1], Ort::SessionOptions{});
    for (std::string answer : answers(session, read_lines(), beam_size)) {
      std::replace_if(answer.begin(), answer.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
      std::cout << answer << '\n';
    }
  } catch (const Ort::Exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
