% SPDX-License-Identifier: Apache-2.0
% Products, inverses, eigenvalues, transforms, cells and strings, files, another process.
n = 220;
a = mod((1:n)' * (1:n) * 7919, 1009) / 1009 + n * eye(n);
for turn = 1:6
    b = inv(a) * a;
    printf("%d %.9f %.6f\n", turn, max(max(abs(b - eye(n)))) < 1e-9, trace(a * a'));
    e = sort(real(eig(a)));
    printf("%.8f %.8f\n", e(1), e(end));
    f = fft(a(:, turn));
    printf("%.8f\n", sum(abs(f)));
    a = a + turn / 10;
end
words = cell(1, 2000);
for k = 1:2000
    words{k} = sprintf("word%d", mod(k * 37, 501));
end
[names, ~, where] = unique(words);
printf("%d %d %s\n", numel(names), sum(where), strjoin(names(1:4), ","));
save("-text", "a.txt", "a");
c = load("a.txt");
printf("%d\n", isequal(size(c.a), size(a)) && max(max(abs(c.a - a))) < 1e-12);
[status, text] = system("echo from a child; exit 3");
printf("%d %s", status, text);
try
    error("own:id", "caught %d", 5);
catch problem
    disp(problem.message);
end
s = 0;
for k = 1:200000
    s = mod(s * 31 + k, 1000003);
end
printf("%d\n", s);
