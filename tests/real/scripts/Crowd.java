// SPDX-License-Identifier: Apache-2.0

// Crowd: threads that share maps and locks, garbage, files, a server on loopback, another process; prints the same every time.
import com.sun.net.httpserver.HttpServer;
import java.io.*;
import java.net.*;
import java.nio.file.*;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;

public class Crowd {
    static String digest(byte[] bytes) throws Exception {
        byte[] sum = MessageDigest.getInstance("SHA-256").digest(bytes);
        StringBuilder text = new StringBuilder();
        for (int k = 0; k < 8; k++) text.append(String.format("%02x", sum[k]));
        return text.toString();
    }

    static long garbage(int seed) {
        long sum = 0;
        Map<Integer, List<String>> kept = new HashMap<>();
        for (int k = 0; k < 120000; k++) {
            List<String> list = new ArrayList<>();
            for (int n = 0; n < 4; n++) list.add("value " + (k * seed + n));
            kept.put(k % 2000, list);
            sum += list.get(k % 4).hashCode();
        }
        return sum + kept.size();
    }

    public static void main(String[] words) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        ConcurrentHashMap<String, LongAdder> counts = new ConcurrentHashMap<>();
        List<Future<Long>> futures = new ArrayList<>();
        for (int n = 1; n <= 8; n++) {
            final int seed = n;
            futures.add(pool.submit(() -> {
                for (int k = 0; k < 20000; k++) counts.computeIfAbsent("key" + k % 100, key -> new LongAdder()).increment();
                return garbage(seed);
            }));
        }
        for (Future<Long> future : futures) System.out.println(future.get());
        System.out.println(counts.values().stream().mapToLong(LongAdder::sum).sum());
        System.out.println(IntStream.range(0, 300000).parallel().mapToLong(k -> (long) k * k % 1009).sum());

        final int[] turn = {0};
        final Object lock = new Object();
        Thread[] players = new Thread[3];
        for (int n = 0; n < 3; n++) {
            final int mine = n;
            players[n] = new Thread(() -> {
                for (int k = 0; k < 100; k++) {
                    synchronized (lock) {
                        while (turn[0] % 3 != mine) {
                            try { lock.wait(); } catch (InterruptedException e) { throw new RuntimeException(e); }
                        }
                        turn[0]++;
                        lock.notifyAll();
                    }
                }
            });
            players[n].start();
        }
        for (Thread player : players) player.join();
        System.out.println("turns " + turn[0]);

        Path file = Path.of("java.data");
        for (int n = 0; n < 10; n++) Files.writeString(file, "line " + n + "\n".repeat(1000), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        System.out.println(digest(Files.readAllBytes(file)));

        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(pool);
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            byte[] answer = ("got " + body.length + " for " + exchange.getRequestURI()).getBytes();
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
        int port = server.getAddress().getPort();
        StringBuilder all = new StringBuilder();
        for (int n = 0; n < 30; n++) {
            HttpURLConnection ask = (HttpURLConnection) new URL("http://127.0.0.1:" + port + "/" + n).openConnection();
            ask.setDoOutput(true);
            ask.getOutputStream().write(new byte[n * 500]);
            all.append(new String(ask.getInputStream().readAllBytes())).append('\n');
        }
        server.stop(0);
        System.out.println(digest(all.toString().getBytes()));

        Process child = new ProcessBuilder("sh", "-c", "read line; echo $line; exit 4").redirectErrorStream(true).start();
        child.getOutputStream().write("to a child\n".getBytes());
        child.getOutputStream().close();
        System.out.print(new String(child.getInputStream().readAllBytes()));
        System.out.println(child.waitFor());
        try {
            int[] none = words.length > 100 ? new int[1] : null;
            System.out.println(none[0]);  // a fault that becomes an exception
        } catch (NullPointerException e) {
            System.out.println("caught");
        }
        System.gc();
        pool.shutdown();
        System.out.println(pool.awaitTermination(100, TimeUnit.SECONDS));
    }
}
