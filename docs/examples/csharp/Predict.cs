// Answers lines with an exported file, one line for each: dotnet run MODEL < LINES
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

if (args.Length != 1)
{
    Console.Error.WriteLine("usage: dotnet run MODEL < LINES");
    return 2;
}
var utf8 = new UTF8Encoding(false);
var lines = new List<string>();
using (var reader = new StreamReader(Console.OpenStandardInput(), utf8))
{
    while (reader.ReadLine() is { } line) lines.Add(line);
}
try
{
    using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
    using var session = new InferenceSession(args[0], options);
    var texts = new DenseTensor<string>(lines.ToArray(), new[] { lines.Count });
    using var outputs = session.Run(new[] { NamedOnnxValue.CreateFromTensor("source", texts) }, new[] { "target" });
    using var writer = new StreamWriter(Console.OpenStandardOutput(), utf8) { NewLine = "\n" };
    foreach (var answer in outputs.First().AsEnumerable<string>())
    {
        writer.WriteLine(answer.Replace('\r', ' ').Replace('\n', ' '));
    }
}
catch (OnnxRuntimeException error)
{
    Console.Error.WriteLine($"error: {error.Message.ReplaceLineEndings(" ")}");
    return 1;
}
return 0;
