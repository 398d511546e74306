// Answers lines with an exported file, one line for each: java -cp ONNXRUNTIME.jar Predict.java MODEL < LINES
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;

public class Predict {
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 1) {
      System.err.println("usage: java -cp ONNXRUNTIME.jar Predict.java MODEL < LINES");
      System.exit(2);
    }
    String[] lines;
    try (BufferedReader reader = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      lines = reader.lines().toArray(String[]::new);
    }
    if (lines.length == 0) return;
    OrtEnvironment environment = OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        OrtSession session = environment.createSession(arguments[0], options);
        OnnxTensor source = OnnxTensor.createTensor(environment, lines);
        OrtSession.Result outputs = session.run(Map.of("source", source), Set.of("target"))) {
      PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
      for (String answer : (String[]) outputs.get(0).getValue()) out.println(answer.replaceAll("[\r\n]", " "));
    } catch (OrtException error) {
      System.err.println("error: " + error.getMessage());
      System.exit(1);
    }
  }
}
