// Answers lines with an exported file, one line for each: predict MODEL [BEAM_SIZE] < LINES
#define _POSIX_C_SOURCE 200809L  // getline

#include <onnxruntime_c_api.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OLDEST_API 17  // that of ONNX Runtime 1.17; later libraries have it too

static const OrtApi *ort;

// Ends the program if a call failed.
static void check(OrtStatus *status) {
  if (status == NULL) return;
  fprintf(stderr, "error: %s\n", ort->GetErrorMessage(status));
  exit(1);
}

// Ends the program if there is no memory.
static void *grown(void *block, size_t count, size_t size) {
  void *larger = realloc(block, (count + 1) * size);
  if (larger == NULL) {
    fprintf(stderr, "error: out of memory\n");
    exit(1);
  }
  return larger;
}

// Reads all lines, without their ends, and returns how many there are.
static size_t read_lines(char ***lines) {
  char *line = NULL;
  size_t room = 0, count = 0;
  *lines = grown(NULL, 0, sizeof **lines);
  for (ssize_t length; (length = getline(&line, &room, stdin)) >= 0; line = NULL, room = 0) {
    if (length > 0 && line[length - 1] == '\n') line[--length] = '\0';
    if (length > 0 && line[length - 1] == '\r') line[--length] = '\0';
    *lines = grown(*lines, count + 1, sizeof **lines);
    (*lines)[count++] = line;
  }
  free(line);
  return count;
}

static OrtValue *string_tensor(OrtAllocator *allocator, char **texts, size_t count) {
  const int64_t shape[] = {(int64_t)count};
  OrtValue *tensor = NULL;
  check(ort->CreateTensorAsOrtValue(allocator, shape, 1, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, &tensor));
  check(ort->FillStringTensor(tensor, (const char *const *)texts, count));
  return tensor;
}

static OrtValue *scalar(OrtAllocator *allocator, int64_t number) {
  OrtValue *tensor = NULL;
  void *data = NULL;
  check(ort->CreateTensorAsOrtValue(allocator, NULL, 0, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, &tensor));
  check(ort->GetTensorMutableData(tensor, &data));
  *(int64_t *)data = number;
  return tensor;
}

static void print_text(const OrtValue *texts, size_t number) {
  size_t length = 0;
  check(ort->GetStringTensorElementLength(texts, number, &length));
  char *text = grown(NULL, length, 1);
  check(ort->GetStringTensorElement(texts, length, number, text));
  for (size_t place = 0; place < length; ++place) {
    putchar(text[place] == '\r' || text[place] == '\n' ? ' ' : text[place]);
  }
  putchar('\n');
  free(text);
}

int main(int count, char **arguments) {
  const int64_t beam_size = count == 3 ? atoll(arguments[2]) : 0;
  if (count < 2 || count > 3 || (count == 3 && beam_size < 1)) {
    fprintf(stderr, "usage: predict MODEL [BEAM_SIZE] < LINES\n");
    return 2;
  }
  ort = OrtGetApiBase()->GetApi(OLDEST_API);
  OrtEnv *environment = NULL;
  OrtSessionOptions *options = NULL;
  OrtSession *session = NULL;
  OrtAllocator *allocator = NULL;
  check(ort->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "predict", &environment));  // it would warn of inputs with defaults
  check(ort->CreateSessionOptions(&options));
  check(ort->CreateSession(environment, arguments[1], options, &session));
  check(ort->GetAllocatorWithDefaultOptions(&allocator));

  char **lines = NULL;
  const size_t texts = read_lines(&lines);
  const char *names[] = {"source", "beam_size"}, *wanted[] = {"target"};
  OrtValue *inputs[] = {string_tensor(allocator, lines, texts), beam_size > 0 ? scalar(allocator, beam_size) : NULL};
  OrtValue *target = NULL;
  const size_t given = beam_size > 0 ? 2 : 1;  // without it, the file's default holds
  check(ort->Run(session, NULL, names, (const OrtValue *const *)inputs, given, wanted, 1, &target));
  for (size_t number = 0; number < texts; ++number) print_text(target, number);

  ort->ReleaseValue(target);
  for (size_t number = 0; number < given; ++number) ort->ReleaseValue(inputs[number]);
  for (size_t number = 0; number < texts; ++number) free(lines[number]);
  free(lines);
  ort->ReleaseSession(session);
  ort->ReleaseSessionOptions(options);
  ort->ReleaseEnv(environment);
  return 0;
}
